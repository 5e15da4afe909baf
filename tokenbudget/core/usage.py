"""The usage of a model call; each field means the same for all providers.

``input_tokens`` includes cached and cache-written tokens, ``output_tokens`` includes reasoning tokens (the meaning of
OpenTelemetry's ``gen_ai.usage.*``).  Every other token field is a *part* of one of these two, and is never added to it.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter

import msgspec

from tokenbudget.core.token_parts import DISJOINT, PART_OF, parts_of


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens, tool calls and other units of one model call.

    Attributes
    ----------
    input_tokens, output_tokens : int or None
        All tokens billed as input or output; None if the provider stated no usage (unknown is not zero).
    cache_read_tokens, cache_write_tokens : int
        Parts of the input.  The fields ``_5m``, ``_1h`` and ``_12h`` are the parts of ``cache_write_tokens`` by time to
        live, if the provider states one.
    input_audio_tokens, input_image_tokens, input_video_tokens, tool_prompt_tokens : int
        Parts of the input by modality; ``tool_prompt_tokens`` were added by server tools.
    cache_read_audio_tokens, cache_read_image_tokens, cache_write_audio_tokens : int
        Parts of the cached tokens and of those of the modality.
    reasoning_tokens, output_audio_tokens, output_image_tokens, output_video_tokens, citation_tokens : int
        Parts of the output.
    accepted_prediction_tokens, rejected_prediction_tokens : int
        Parts of the output (OpenAI predicted outputs).
    tools : dict of str to int
        Calls of server tools that are billed separately, e.g. ``{"web_search": 2}``.
    units : dict of str to Decimal
        Billed units other than tokens, e.g. ``{"seconds": Decimal("12.5")}``; also ``characters``, ``images``,
        ``search_units``, ….
    passes : tuple of Pass
        The model passes inside the call, if it made several that are priced separately (compaction, advisor model).
        The other fields are their sum.
    reported_cost_usd : Decimal or None
        The cost stated in the response (OpenRouter, xAI, Perplexity, …).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_write_12h_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    input_video_tokens: int = 0
    tool_prompt_tokens: int = 0
    cache_read_audio_tokens: int = 0
    cache_read_image_tokens: int = 0
    cache_write_audio_tokens: int = 0
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    output_video_tokens: int = 0
    citation_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0
    tools: dict[str, int] = {}
    units: dict[str, Decimal] = {}
    passes: tuple[Pass, ...] = ()
    reported_cost_usd: Decimal | None = None

    @property
    def absent(self) -> bool:
        """Whether the provider stated nothing that could be billed."""
        return (
            self.input_tokens is None
            and self.output_tokens is None
            and not self.tools
            and not self.units
            and self.reported_cost_usd is None
        )

    @property
    def total_tokens(self) -> int | None:
        """Input plus output; None if neither is known."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class Pass(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model pass inside a call.

    Attributes
    ----------
    usage : Usage
        The usage of this pass, without passes of its own.
    model : str or None
        The model of the pass; None means the model of the call.
    kind : str
        The provider's name for it, e.g. ``compaction`` or ``advisor_message``.
    """

    usage: Usage
    model: str | None = None
    kind: str = ""


TOKEN_FIELDS: tuple[str, ...] = tuple(f for f in Usage.__struct_fields__ if f.endswith("_tokens"))
STATED_ZEROS = frozenset({"input_tokens", "output_tokens", "reported_cost_usd"})
"""Fields in which 0 differs from a value that was not stated."""
INPUT_PARTS = parts_of("input_tokens")
OUTPUT_PARTS = parts_of("output_tokens")
_WHOLES = tuple((whole, parts, DISJOINT.get(whole, ())) for whole in PART_OF if (parts := parts_of(whole)))
"""Each whole with its parts, and with those parts that never overlap; outer wholes come first."""

_parts = attrgetter(*TOKEN_FIELDS[2:])
_output_parts = attrgetter(*OUTPUT_PARTS)


def _is_sound(u: Usage) -> bool:
    """Return whether the counts are consistent.  This check runs for every call and must be fast."""
    whole_in, whole_out, parts = u.input_tokens or 0, u.output_tokens or 0, _parts(u)
    if whole_in < 0 or whole_out < 0:
        return False
    if not any(parts):
        return True
    if min(parts) < 0:
        return False
    read, written = u.cache_read_tokens, u.cache_write_tokens
    return (
        read + written <= whole_in
        and max(u.input_audio_tokens, u.input_image_tokens, u.input_video_tokens, u.tool_prompt_tokens) <= whole_in
        and max(_output_parts(u)) <= whole_out
        and max(u.cache_read_audio_tokens, u.cache_read_image_tokens) <= read
        and max(
            u.cache_write_5m_tokens + u.cache_write_1h_tokens + u.cache_write_12h_tokens, u.cache_write_audio_tokens
        )
        <= written
    )


def check(usage: Usage) -> tuple[Usage, tuple[str, ...]]:
    """Correct contradictory counts, with a warning for each.

    Returns
    -------
    (Usage, tuple of str)
        The usage without negative counts and without parts that exceed their whole, and a warning for each changed
        value.  If nothing is wrong: the same object and no warnings.

    Examples
    --------
    >>> fixed, warnings = check(Usage(input_tokens=10, output_tokens=1, cache_read_tokens=12))
    >>> fixed.cache_read_tokens, warnings
    (10, ('cache_read_tokens 12 > input_tokens 10',))
    """
    if usage.passes:
        return _check_passes(usage)
    return (usage, ()) if _is_sound(usage) else _clamped(usage)


def _clamped(usage: Usage) -> tuple[Usage, tuple[str, ...]]:
    fixed: dict[str, int] = {}
    warnings: list[str] = []

    def value(name: str) -> int:
        return fixed[name] if name in fixed else getattr(usage, name) or 0

    for name in TOKEN_FIELDS:
        if value(name) < 0:
            warnings.append(f"{name} {value(name)} < 0")
            fixed[name] = 0
    for whole, parts, disjoint in _WHOLES:
        room = value(whole)
        for part in parts:
            if value(part) > room:
                warnings.append(f"{part} {value(part)} > {whole} {room}")
                fixed[part] = room
        if sum(map(value, disjoint)) > room:
            warnings.append(f"{' + '.join(f'{part} {value(part)}' for part in disjoint)} > {whole} {room}")
            for part in disjoint:
                fixed[part] = min(value(part), room)
                room -= fixed[part]
    return (msgspec.structs.replace(usage, **fixed), tuple(warnings)) if fixed else (usage, ())


def _check_passes(usage: Usage) -> tuple[Usage, tuple[str, ...]]:
    """Correct a usage and its passes; the passes are what is priced."""
    whole, warnings = check(msgspec.structs.replace(usage, passes=()))
    passes: list[Pass] = []
    for number, one in enumerate(usage.passes):
        fixed, said = check(one.usage)
        passes.append(msgspec.structs.replace(one, usage=fixed) if said else one)
        warnings += tuple(f"pass {number}: {warning}" for warning in said)
    return (msgspec.structs.replace(whole, passes=tuple(passes)), warnings) if warnings else (usage, ())
