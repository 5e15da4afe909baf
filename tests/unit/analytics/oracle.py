"""The answers, worked out one event at a time with Python's own numbers: slow, plain, and written without polars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

from tokenbudget.core.event import Event
from tokenbudget.core.query import DIMENSIONS

Answer = dict[str, Any]


def value(event: Event, name: str) -> str | None:
    return getattr(event, name) if name in DIMENSIONS else event.tags.get(name.removeprefix("tag."))


def metrics(events: Iterable[Event]) -> Answer:
    events = list(events)
    requests = len(events)
    costs = [e.cost_usd for e in events if e.cost_usd is not None]
    uncharged = sum(
        e.status == "error" and e.cost_usd is e.usage.input_tokens is e.usage.output_tokens is None for e in events
    )
    unpriced = requests - len(costs) - uncharged
    cost = sum(costs, Decimal()) if costs or not unpriced else None
    at_list = [e.cost_usd if e.list_cost_usd is None else e.list_cost_usd for e in events if e.cost_usd is not None]
    inputs = [e.usage.input_tokens for e in events if e.usage.input_tokens is not None]
    outputs = [e.usage.output_tokens for e in events if e.usage.output_tokens is not None]
    read = sum(e.usage.cache_read_tokens for e in events)
    latencies = [round(e.latency_ms * 1000) for e in events if e.latency_ms is not None]
    errors = sum(e.status == "error" for e in events)
    return {
        "requests": requests,
        "cost_usd": cost,
        "list_cost_usd": None if cost is None else sum(at_list, Decimal()),
        "input_tokens": sum(inputs) if inputs or not events else None,
        "output_tokens": sum(outputs) if outputs or not events else None,
        "total_tokens": sum(inputs) + sum(outputs) if inputs or outputs or not events else None,
        "cache_read_tokens": read,
        "cache_write_tokens": sum(e.usage.cache_write_tokens for e in events),
        "reasoning_tokens": sum(e.usage.reasoning_tokens for e in events),
        "errors": errors,
        "aborted": sum(e.status == "aborted" for e in events),
        "estimated": sum(e.measured == "estimated" for e in events),
        "unpriced": unpriced,
        "avg_cost_usd": _mean(sum(costs, Decimal()), len(costs)),
        "avg_latency_ms": sum(latencies) / (len(latencies) * 1000) if latencies else None,
        "error_rate": errors / requests if requests else None,
        "cache_hit_rate": read / sum(inputs) if sum(inputs) else None,
    }


def _mean(cost: Decimal, calls: int) -> Decimal | None:
    if not calls:
        return None
    with localcontext(prec=60):
        return (cost / calls).quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP)


def grouped(events: Iterable[Event], by: tuple[str, ...]) -> dict[tuple[str | None, ...], list[Event]]:
    groups = defaultdict(list)
    for event in events:
        groups[tuple(value(event, name) for name in by)].append(event)
    return dict(groups)


def bucket(at: datetime, interval: str, zone: ZoneInfo) -> datetime:
    """The instant at which the bucket of `at` begins, by what the clocks on the wall of the zone show."""
    local = at.astimezone(zone)
    if interval == "15min":
        return datetime.fromtimestamp(at.timestamp() // 900 * 900, UTC)
    if interval == "hour":
        begin = at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        shift = local.utcoffset() - begin.astimezone(zone).utcoffset()
        # Clocks were set within this hour: it began when they were.
        return begin if not shift else _change(begin, at, zone)
    day = local.date()
    first = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }[interval]
    return _first_instant(first, zone)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    moment = low
    while moment.astimezone(zone).utcoffset() == before:
        moment += timedelta(minutes=1)
    assert moment <= high
    return moment


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first minute of a day, found by looking at every one."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=15)
    return moment
