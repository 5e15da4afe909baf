"""Classes of tokens that may have their own rates, and what they are billed as otherwise."""

from __future__ import annotations

import msgspec

from tokenbudget.core.token_parts import PART_OF, parts_of, side_of


class TokenClass(msgspec.Struct, frozen=True):
    """A part of a call's tokens that may have its own rate.

    Attributes
    ----------
    name, field : str
        The name in prices and receipts, and the count it is read from.
    inside : tuple of str
        Counts inside it that are taken off where they are billed apart.
    cached : tuple of str
        Counts inside it that are taken off in any case: they are billed as cached.
    own_rate_only : bool
        Billed with the whole unless it has a rate of its own.
    """

    name: str
    field: str
    inside: tuple[str, ...]
    cached: tuple[str, ...]
    own_rate_only: bool


def _class(name: str, *, own_rate_only: bool = True) -> TokenClass:
    field = f"{name}_tokens"
    cached = tuple(part for part, wholes in PART_OF.items() if field in wholes[1:])
    return TokenClass(name, field, parts_of(field), cached, own_rate_only)


# Where classes overlap, the last ones give way.
INPUT_CLASSES = (
    _class("cache_read_audio"),
    _class("cache_read_image"),
    _class("cache_read", own_rate_only=False),
    _class("cache_write_5m", own_rate_only=False),
    _class("cache_write_1h", own_rate_only=False),
    _class("cache_write_12h", own_rate_only=False),
    _class("cache_write_audio"),
    _class("cache_write", own_rate_only=False),
    _class("input_audio"),
    _class("input_image"),
    _class("input_video"),
)
OUTPUT_CLASSES = tuple(map(_class, ("reasoning", "output_audio", "output_image", "output_video", "citation")))
BILLED_FIELDS = frozenset({"input_tokens", "output_tokens", *(one.field for one in (*INPUT_CLASSES, *OUTPUT_CLASSES))})
"""The counts that costs depend on."""


def _name(field: str) -> str:
    return field.removesuffix("_tokens")


SIDE = {one.name: _name(side_of(one.field)) for one in (*INPUT_CLASSES, *OUTPUT_CLASSES)}
"""The side whose rate says how a tier or a long context moves the rate of a class."""
FALLBACK = {one.name: _name(PART_OF[one.field][0]) for one in (*INPUT_CLASSES, *OUTPUT_CLASSES)} | {
    "cache_write_12h": "cache_write_1h"
}
"""What a class without its own rate is billed as: its whole; for a long time to live, the next shorter one."""
