"""What an event must keep to, beyond its types; every limit in one place.

Nearly every event is sound, and this runs for each: checks first ask, in one go, whether anything can be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.money import from_pico, to_pico
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget_server.store.rows import has_rest

FUTURE = timedelta(hours=1)
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
MOST_TAGS = 20
LONGEST_TAG_VALUE = 256
LARGEST_METADATA = 4 * 2**10
LARGEST_USAGE = 16 * 2**10
LARGEST_COUNT = 10**12
"""Tokens, calls and milliseconds of one call: far above any real one, far below where sums overflow."""
LARGEST_COST = Decimal(1_000_000)
_LARGEST_PICO = to_pico(LARGEST_COST)
_MOST_PASSES = 100
_MOST_KINDS = 50
_LARGEST_UNITS = Decimal(10**15)
_MILLISECONDS = f"must be milliseconds from 0 to {LARGEST_COUNT}, got {{}}"
_DIGITS_AFTER_POINT = 40
"""A float's shortest text, as bills are stated, has up to 17 digits, wherever they begin."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_TAG_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_LONGEST: dict[str, int] = {  # All but the response's id are of few values.
    "provider": 64,
    "model": 256,
    "operation": 64,
    "requested_model": 256,
    "unpriced": 256,
    "price_key": 512,
    "service_tier": 64,
    "speed": 64,
    "region": 64,
    "error_type": 256,
}
_LONGEST_RESPONSE_ID = 1024  # Gateways write routes and models into it.
_MOST_REMEMBERED = 10_000
_texts = attrgetter(*_LONGEST)
_parts = attrgetter(*TOKEN_FIELDS[2:])
_PICODOLLAR = Decimal(1).scaleb(-12)
_json = msgspec.json.Encoder().encode

Fault = tuple[str, str]
"""Field and reason."""


class Bounds(msgspec.Struct, frozen=True):
    """The times an event may have.

    Attributes
    ----------
    earliest, latest : datetime
        Both inclusive.
    """

    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, now: datetime, oldest_kept: datetime | None) -> Bounds:
        """Work out the bounds: up to an hour ahead of `now`, and back to where events are still kept."""
        return cls(max(EARLIEST, oldest_kept or EARLIEST), now + FUTURE)


def is_ordinary(usage: Usage) -> bool:
    """Whether a usage is nothing but sound counts that have a column each, as most are.

    It then has no fault, nothing to mend and no rest: one look answers what would take three.
    """
    if has_rest(usage):
        return False
    whole_in, whole_out = usage.input_tokens or 0, usage.output_tokens or 0
    read, written = usage.cache_read_tokens, usage.cache_write_tokens
    return (
        read >= 0
        and written >= 0
        and read + written <= whole_in <= LARGEST_COUNT
        and 0 <= usage.reasoning_tokens <= whole_out <= LARGEST_COUNT
    )


def find_fault(event: Event, bounds: Bounds, *, ordinary: bool = False) -> Fault | None:
    """Find the first thing wrong with an event; None when there is nothing.

    Parameters
    ----------
    event : Event
    bounds : Bounds
    ordinary : bool
        True where the caller knows that its usage `is_ordinary`.
    """
    for check in _CHECKS:
        if fault := check(event):
            return fault
    if not ordinary and (fault := _check_usage(event)):
        return fault
    return _check_time(event, bounds)


def find_cost_fault(pico: int | None) -> Fault | None:
    """Find out whether picodollars can be the price of an event; beyond it, sums could overflow."""
    if pico is not None and pico > _LARGEST_PICO:
        cost = from_pico(pico)
        return "usage", f"would cost {cost} US dollars, and one call never costs more than {LARGEST_COST}"
    return None


def _check_id(event: Event) -> Fault | None:
    if not _UUID.fullmatch(event.id):
        return "id", f"must be a UUID such as 018bcfe5-6800-7000-8000-000000000000, got {event.id[:64]!r}"
    return None


def _check_time(event: Event, bounds: Bounds) -> Fault | None:
    when = event.occurred_at
    if when.tzinfo is None:
        return "occurred_at", f"must state its offset from UTC, e.g. {when.isoformat()}Z"
    if when > bounds.latest:
        return "occurred_at", f"{when.isoformat()} is more than an hour in the future: check the clock"
    if when < bounds.earliest:
        return (
            "occurred_at",
            f"{when.isoformat()} is older than what is kept: events from {bounds.earliest.isoformat()} on",
        )
    return None


def _check_texts(event: Event) -> Fault | None:
    if not event.provider:
        return "provider", "must not be empty"
    if (texts := _texts(event)) not in _sound_texts:
        for text, (name, longest) in zip(texts, _LONGEST.items(), strict=True):
            if text is not None and (reason := _text_fault(text, longest)):
                return name, reason
        _remember(texts, _sound_texts)
    if event.response_id is not None and (reason := _text_fault(event.response_id, _LONGEST_RESPONSE_ID)):
        return "response_id", reason
    return None


_sound_texts: set[tuple[str | None, ...]] = set()
_sound_keys: set[str] = set()


def _remember(known: Hashable, memory: set[Any]) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory.add(known)


def _text_fault(text: str, longest: int) -> str | None:
    if len(text) > longest:
        return f"is longer than {longest} characters"
    return "must not contain the character U+0000" if "\0" in text else None


def _check_tags(event: Event) -> Fault | None:
    if len(event.tags) > MOST_TAGS:
        return "tags", f"are {len(event.tags)}: at most {MOST_TAGS} are kept"
    values = "".join(event.tags.values())
    if len(values) <= LONGEST_TAG_VALUE and "\0" not in values and event.tags.keys() <= _sound_keys:
        return None
    for key, value in event.tags.items():
        if not _TAG_KEY.fullmatch(key):
            return "tags", f"key {key[:80]!r} must be 1 to 64 of the characters A-Z a-z 0-9 _ . : -"
        if reason := _text_fault(value, LONGEST_TAG_VALUE):
            return f"tags.{key}", reason
        _remember(key, _sound_keys)
    return None


def _check_metadata(event: Event) -> Fault | None:
    if not event.metadata:
        return None
    encoded = _json(event.metadata)
    if len(encoded) > LARGEST_METADATA:
        return "metadata", f"is {len(encoded)} bytes of JSON: at most {LARGEST_METADATA}"
    return ("metadata", "must not contain the character U+0000") if _has_nul(encoded) else None


def _has_nul(encoded: bytes) -> bool:
    """Whether JSON holds U+0000; an escaped backslash may stand before ``u0000``, and that is none."""
    return b"\\u0000" in encoded and _NUL.search(encoded) is not None


def _check_numbers(event: Event) -> Fault | None:
    if (value := event.latency_ms) is not None and not 0 <= value <= LARGEST_COUNT:
        return "latency_ms", _MILLISECONDS.format(value)
    if (value := event.time_to_first_token_ms) is not None and not 0 <= value <= LARGEST_COUNT:
        return "time_to_first_token_ms", _MILLISECONDS.format(value)
    if not 0 <= event.attempts <= 1_000_000:  # noqa: PLR2004
        return "attempts", f"must be a number of attempts, got {event.attempts}"
    if (cost := event.cost_usd) is not None and (reason := _amount_fault(cost, LARGEST_COST)):
        return "cost_usd", reason
    return None


def _amount_fault(amount: Decimal, largest: Decimal) -> str | None:
    if amount.same_quantum(_PICODOLLAR) and 0 <= amount <= largest:
        return None  # As our own clients send it.
    if not amount.is_finite() or not 0 <= amount <= largest:
        return f"must be an amount from 0 to {largest}, got {amount}"
    if (exponent := amount.as_tuple().exponent) not in range(-_DIGITS_AFTER_POINT, 16):
        return f"must have at most {_DIGITS_AFTER_POINT} digits after the point, got exponent {exponent}"
    return None


def _check_usage(event: Event) -> Fault | None:
    usage = event.usage
    if _is_plain(usage):
        return None
    if fault := _usage_fault(usage, "usage"):
        return fault
    if usage.tools or usage.units or usage.passes:
        encoded = _json(usage)
        if len(encoded) > LARGEST_USAGE:
            return "usage", f"is {len(encoded)} bytes of JSON: at most {LARGEST_USAGE}"
        if _has_nul(encoded):
            return "usage", "must not contain the character U+0000"
    return None


def _is_plain(usage: Usage) -> bool:
    """Whether a usage states nothing but tokens, and not too many."""
    parts = _parts(usage)
    return (
        (usage.input_tokens or 0) <= LARGEST_COUNT
        and (usage.output_tokens or 0) <= LARGEST_COUNT
        and (not any(parts) or max(parts) <= LARGEST_COUNT)
        and usage.reported_cost_usd is None
        and not (usage.tools or usage.units or usage.passes)
    )


def _usage_fault(usage: Usage, path: str, *, nested: bool = False) -> Fault | None:
    for name in TOKEN_FIELDS:
        # Negative counts are mended with a warning, not refused: the rest of the event is as good as any.
        if (count := getattr(usage, name)) is not None and count > LARGEST_COUNT:
            return f"{path}.{name}", f"{count} tokens are more than one call can have"
    if fault := _kinds_fault(usage, path):
        return fault
    if nested and usage.passes:
        return f"{path}.passes", "a pass has no passes of its own"
    if len(usage.passes) > _MOST_PASSES:
        return f"{path}.passes", f"are {len(usage.passes)}: at most {_MOST_PASSES}"
    faults = (_usage_fault(one.usage, f"{path}.passes[{i}].usage", nested=True) for i, one in enumerate(usage.passes))
    return next((fault for fault in faults if fault), None)


def _kinds_fault(usage: Usage, path: str) -> Fault | None:
    counts: tuple[tuple[str, Mapping[str, int | Decimal]], ...] = (("tools", usage.tools), ("units", usage.units))
    for name, kinds in counts:
        if len(kinds) > _MOST_KINDS:
            return f"{path}.{name}", f"are {len(kinds)}: at most {_MOST_KINDS}"
        for kind, quantity in kinds.items():
            if reason := _text_fault(kind, 64) or _amount_fault(Decimal(quantity), _LARGEST_UNITS):
                return f"{path}.{name}.{kind[:64]}", reason
    if (bill := usage.reported_cost_usd) is not None and (reason := _amount_fault(bill, LARGEST_COST)):
        return f"{path}.reported_cost_usd", reason
    return None


def _check_warnings(event: Event) -> Fault | None:
    if not event.warnings:
        return None
    encoded = _json(event.warnings)
    if len(encoded) > LARGEST_METADATA:
        return "warnings", f"are {len(encoded)} bytes of JSON: at most {LARGEST_METADATA}"
    return ("warnings", "must not contain the character U+0000") if _has_nul(encoded) else None


_CHECKS: tuple[Callable[[Event], Fault | None], ...] = (
    _check_id,
    _check_texts,
    _check_tags,
    _check_metadata,
    _check_numbers,
    _check_warnings,
)
