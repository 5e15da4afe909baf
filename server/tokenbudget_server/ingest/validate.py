"""What an event must keep to, beyond its types; what is wrong is said with what to do about it.

A text is made to keep to its limit (`tokenbudget.core.sanitize`), and no event is refused for one.  Nearly every event
is sound, and this runs for each: checks first ask, in one go, whether anything can be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.limits import MOST_TAGS, TAG_KEY
from tokenbudget.core.money import from_pico, to_pico
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget_server.store.rows import has_rest

FUTURE = timedelta(hours=1)
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LARGEST_USAGE = 16 * 2**10
LARGEST_COUNT = 10**12
"""Tokens, calls and milliseconds of one call: far above any real one, far below where sums overflow."""
LARGEST_COST = Decimal(1_000_000)
_LARGEST_PICO = to_pico(LARGEST_COST)
_MOST_PASSES = 100
_MOST_KINDS = 50
_MOST_ATTEMPTS = 1_000_000
_MOST_REMEMBERED = 10_000
_LARGEST_UNITS = Decimal(10**15)
_MILLISECONDS = f"must be milliseconds from 0 to {LARGEST_COUNT}, got {{}}"
_DIGITS_AFTER_POINT = 40
"""A float's shortest text, as bills are stated, has up to 17 digits, wherever they begin."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_parts = attrgetter(*TOKEN_FIELDS[2:])
_PICODOLLAR = Decimal(1).scaleb(-12)
_json = msgspec.json.Encoder().encode
_sound_keys: set[str] = set()

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
        reason = f"would cost {cost} US dollars, and one call never costs more than {LARGEST_COST}"
        return "usage", f"{reason}: check its counts, and the price of its model (GET /v1/pricing)"
    return None


def _check_id(event: Event) -> Fault | None:
    if not _UUID.fullmatch(event.id):
        return "id", f"must be a UUID such as 018bcfe5-6800-7000-8000-000000000000, made once, got {event.id[:64]!r}"
    return None


def _check_time(event: Event, bounds: Bounds) -> Fault | None:
    when = event.occurred_at
    if when.tzinfo is None:
        return "occurred_at", f"must state its offset from UTC, e.g. {when.isoformat()}Z"
    if when > bounds.latest:
        reason = f"{when.isoformat()} is more than an hour in the future: set the clock of the machine that sent it"
        return "occurred_at", f"{reason}; it is taken once that time has come"
    if when < bounds.earliest:
        reason = f"{when.isoformat()} is older than what is kept, events from {bounds.earliest.isoformat()} on"
        mend = "check the clock" if bounds.earliest == EARLIEST else "raise TOKENBUDGET_RETENTION on the server"
        return "occurred_at", f"{reason}: {mend}, or leave it out"
    return None


def _check_names(event: Event) -> Fault | None:
    if not event.provider:
        return "provider", "must not be empty: send who bills the call, e.g. openai"
    if len(event.tags) > MOST_TAGS:
        return "tags", f"are {len(event.tags)}, at most {MOST_TAGS} are kept: send the others as metadata"
    if event.tags.keys() <= _sound_keys:
        return None
    for key in event.tags:
        if not TAG_KEY.fullmatch(key):
            return "tags", f"key {key[:80]!r} must be 1 to 64 of the characters A-Z a-z 0-9 _ . : -; rename it"
    if len(_sound_keys) >= _MOST_REMEMBERED:
        _sound_keys.clear()
    _sound_keys.update(event.tags)
    return None


def _check_numbers(event: Event) -> Fault | None:
    if (value := event.latency_ms) is not None and not 0 <= value <= LARGEST_COUNT:
        return "latency_ms", _MILLISECONDS.format(value)
    if (value := event.time_to_first_token_ms) is not None and not 0 <= value <= LARGEST_COUNT:
        return "time_to_first_token_ms", _MILLISECONDS.format(value)
    if not 0 <= event.attempts <= _MOST_ATTEMPTS:
        return "attempts", f"must be a number of attempts from 0 to {_MOST_ATTEMPTS}, got {event.attempts}"
    if (cost := event.cost_usd) is not None and (reason := _amount_fault(cost, LARGEST_COST)):
        return "cost_usd", reason
    if (cost := event.list_cost_usd) is not None and (reason := _amount_fault(cost, LARGEST_COST)):
        return "list_cost_usd", reason
    return None


def _amount_fault(amount: Decimal, largest: Decimal) -> str | None:
    if amount.same_quantum(_PICODOLLAR) and 0 <= amount <= largest:
        return None  # As our own clients send it.
    if not amount.is_finite() or not 0 <= amount <= largest:
        return f"must be an amount from 0 to {largest}, got {str(amount)[:32]}"
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
            return "usage", f"is {len(encoded)} bytes of JSON, at most {LARGEST_USAGE} are kept: sum up its passes"
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
            return f"{path}.{name}", f"{count} tokens are more than one call can have: send one event a call"
    if fault := _kinds_fault(usage, path):
        return fault
    if nested and usage.passes:
        return f"{path}.passes", "a pass has no passes of its own: list them all in usage.passes"
    if len(usage.passes) > _MOST_PASSES:
        return (
            f"{path}.passes",
            f"are {len(usage.passes)}, at most {_MOST_PASSES} are kept: sum up those of a model",
        )
    faults = (_usage_fault(one.usage, f"{path}.passes[{i}].usage", nested=True) for i, one in enumerate(usage.passes))
    return next((fault for fault in faults if fault), None)


def _kinds_fault(usage: Usage, path: str) -> Fault | None:
    counts: tuple[tuple[str, Mapping[str, int | Decimal]], ...] = (("tools", usage.tools), ("units", usage.units))
    for name, kinds in counts:
        if len(kinds) > _MOST_KINDS:
            return (
                f"{path}.{name}",
                f"are {len(kinds)}, at most {_MOST_KINDS} are kept: sum up those billed alike",
            )
        for kind, quantity in kinds.items():
            if reason := _amount_fault(Decimal(quantity), _LARGEST_UNITS):
                return f"{path}.{name}.{kind}", reason
    if (bill := usage.reported_cost_usd) is not None and (reason := _amount_fault(bill, LARGEST_COST)):
        return f"{path}.reported_cost_usd", reason
    return None


_CHECKS: tuple[Callable[[Event], Fault | None], ...] = (
    _check_id,
    _check_names,
    _check_numbers,
)
