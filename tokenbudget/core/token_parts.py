"""Which token counts are parts of which: the table that checking, pricing and recording are derived from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PART_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "input_tokens": (),
        "output_tokens": (),
        "cache_read_tokens": ("input_tokens",),
        "cache_write_tokens": ("input_tokens",),
        "cache_write_5m_tokens": ("cache_write_tokens",),
        "cache_write_1h_tokens": ("cache_write_tokens",),
        "cache_write_12h_tokens": ("cache_write_tokens",),
        "input_audio_tokens": ("input_tokens",),
        "input_image_tokens": ("input_tokens",),
        "input_video_tokens": ("input_tokens",),
        "tool_prompt_tokens": ("input_tokens",),
        "cache_read_audio_tokens": ("cache_read_tokens", "input_audio_tokens"),
        "cache_read_image_tokens": ("cache_read_tokens", "input_image_tokens"),
        "cache_write_audio_tokens": ("cache_write_tokens", "input_audio_tokens"),
        "reasoning_tokens": ("output_tokens",),
        "output_audio_tokens": ("output_tokens",),
        "output_image_tokens": ("output_tokens",),
        "output_video_tokens": ("output_tokens",),
        "citation_tokens": ("output_tokens",),
        "accepted_prediction_tokens": ("output_tokens",),
        "rejected_prediction_tokens": ("output_tokens",),
    }
)
"""Each token count of `Usage` -> the counts that include it; wholes before their parts.

Of two, the first is what the part is billed as where it has no rate of its own: cached audio is cached first.
"""
DISJOINT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "input_tokens": ("cache_read_tokens", "cache_write_tokens"),
        "cache_write_tokens": ("cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens"),
    }
)
"""Parts of a whole that never overlap, by what they mean; others may: an image can be read from the cache."""


def parts_of(whole: str) -> tuple[str, ...]:
    """Return the counts that belong to a whole first of all.

    Examples
    --------
    >>> parts_of("cache_read_tokens")
    ('cache_read_audio_tokens', 'cache_read_image_tokens')
    >>> parts_of("input_audio_tokens")
    ()
    """
    return tuple(part for part, wholes in PART_OF.items() if wholes[:1] == (whole,))


def side_of(name: str) -> str:
    """Return the side, input or output, that a count lies in.

    Examples
    --------
    >>> side_of("cache_read_audio_tokens")
    'input_tokens'
    """
    wholes = PART_OF[name]
    return side_of(wholes[0]) if wholes else name


def _wholes_around(name: str) -> set[str]:
    return {around for whole in PART_OF[name] for around in (whole, *_wholes_around(whole))}


def _remainders() -> dict[str, Mapping[str, int]]:
    """Compute the Moebius function of the order "is part of"."""
    found: dict[str, Mapping[str, int]] = {}
    for whole in PART_OF:
        signs = {whole: 1}
        for part in PART_OF:
            if whole in (around := _wholes_around(part)):
                signs[part] = -sum(signs.get(name, 0) for name in around)
        if len(signs) > 1:
            found[whole] = MappingProxyType({name: sign for name, sign in signs.items() if sign})
    return found


REMAINDERS: Mapping[str, Mapping[str, int]] = MappingProxyType(_remainders())
"""What is left of each whole beside its parts, as a sum of counts with signs.

Where no remainder is negative, every part fits its whole and parts do not overlap: each token lies in just one
remainder, and a sum over remainders, such as a cost, is linear in the counts.  A part of two wholes that was taken off
twice is put back, so ``REMAINDERS["input_tokens"]["cache_read_audio_tokens"]`` is 1.
"""
