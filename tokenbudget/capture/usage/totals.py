"""The wholes of a call, input and output: what a provider counts beside them, and what its total proves.

Providers differ in what their counts of input and output include, and some tell it by the total alone.  Here is how a
total is read, for all of them, and how counts beside the input or the answer are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.usage.fields import Fields
from tokenbudget.core.token_parts import side_of
from tokenbudget.core.usage import TOKEN_FIELDS, Pass, Usage

_SIDE = {
    part: side_of(part)
    for part in (
        "reasoning_tokens",
        "tool_prompt_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "input_audio_tokens",
        "input_image_tokens",
        "input_video_tokens",
        "output_audio_tokens",
        "output_image_tokens",
    )
}
"""Parts that some server counts beside their whole -> the whole; the likelier ones first."""
_MOST_BESIDE = 3
_WHOLES = ("input_tokens", "output_tokens")


def by_total(found: Found, total: object, beside: Sequence[str] = (), rest: str = "") -> None:
    """Make input and output whole by the stated total, which proves what they leave out.

    Of two sides one that is missing is what the total leaves for it.  Where the total is more than both sides, the
    stated parts that make up the difference are beside them and are added.  A total that nothing explains is marked.

    Parameters
    ----------
    found : dict
        What was read of an answer; completed in place.
    total : int or None
        What the provider gives as all tokens; None where it does not.
    beside : sequence of str
        Parts that the provider counts beside their whole, unless the total shows otherwise.
    rest : str
        The part that a difference is which no stated part explains, where the provider states it nowhere else.

    Examples
    --------
    >>> found = {"input_tokens": 291, "output_tokens": 26, "reasoning_tokens": 189}
    >>> by_total(found, 506)
    >>> found["output_tokens"]
    215
    >>> found = {"input_tokens": 12, "output_tokens": 5}
    >>> by_total(found, 99)
    >>> found["warnings"]
    ('total_tokens 99 != input_tokens 12 + output_tokens 5',)
    """
    stated = [side for side in _WHOLES if found.get(side) is not None]
    if not stated or any(type(found[side]) is not int for side in stated):
        return
    if type(total) is not int:
        _add(found, beside)
        return
    surplus: int = total - sum(found[side] for side in stated)
    if len(stated) < len(_WHOLES) and surplus >= 0:
        found.update((side, surplus) for side in _WHOLES if side not in stated)
    elif len(stated) == len(_WHOLES) and (proven := _proven(found, surplus, beside)) is not None:
        _add(found, proven)
    elif rest and surplus > 0:
        found[rest] = found.get(rest, 0) + surplus
        found[_SIDE[rest]] += surplus
    else:
        _mark(found, total)
        _add(found, beside)


def stated_total(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Make input and output whole by the total that was read."""
    by_total(found, found.pop("total_tokens", None))


def with_cache(found: Found) -> None:
    """Add what was read from and written to the cache to an input that leaves it out (Anthropic, Bedrock)."""
    with_lifetimes(found)
    if found.get("input_tokens") is not None:
        found["input_tokens"] += found.get("cache_read_tokens", 0) + found.get("cache_write_tokens", 0)


def with_lifetimes(found: Found) -> None:
    """Make cache writes and their lifetimes whole: where none is stated there was only one, of five minutes."""
    split = found.get("cache_write_5m_tokens", 0) + found.get("cache_write_1h_tokens", 0)
    if split:
        found.setdefault("cache_write_tokens", split)
    elif writes := found.get("cache_write_tokens", 0):
        found["cache_write_5m_tokens"] = writes


def with_passes(found: Found, kind: str, beside: Iterable[Pass]) -> None:
    """Add passes that the counts read leave out; those counts become a pass as well, named by ``kind``."""
    passes = tuple(beside)
    if passes and found.get("input_tokens") is not None:
        own = Usage(**{name: found[name] for name in TOKEN_FIELDS if found.get(name) is not None})
        made_of(found, (Pass(usage=own, kind=kind), *passes))


def made_of(found: Found, passes: Iterable[Pass]) -> None:
    """Say which passes over models a call was made of: its counts are their sum, as a `Usage` has them."""
    found["passes"] = passes = tuple(passes)
    for name in TOKEN_FIELDS:
        counts = [count for one in passes if (count := getattr(one.usage, name))]
        if counts or name in _WHOLES:
            found[name] = sum(counts)


def _proven(found: Found, surplus: int, beside: Sequence[str]) -> Sequence[str] | None:
    """Return the parts that make up what a total is more than both sides; None where there are none such."""
    stated = [part for part in _SIDE if found.get(part)]
    usual = [part for part in stated if part in beside]
    if sum(found[part] for part in usual) == surplus:
        return usual
    if surplus < 0:
        return None
    for many in range(min(len(stated), _MOST_BESIDE) + 1):
        for parts in combinations(stated, many):
            # A part that is usually beside its whole can be inside only if it fits.
            inside = (part for part in usual if part not in parts)
            if sum(found[part] for part in parts) == surplus and all(
                found[part] <= found[_SIDE[part]] for part in inside
            ):
                return parts
    return None


def _add(found: Found, parts: Iterable[str]) -> None:
    for part in parts:
        side = _SIDE[part]
        if (count := found.get(part)) and found.get(side) is not None:
            found[side] += count


def _mark(found: Found, total: int) -> None:
    """Say that a total contradicts the sides, naming all three."""
    sides = " + ".join(f"{side} {found[side]}" for side in _WHOLES if found.get(side) is not None)
    found["warnings"] = (*found.get("warnings", ()), f"total_tokens {total} != {sides}")
