"""Make usage up: the same events for the same day, however often it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from tokenbudget.core.event import Event, Status
from tokenbudget.core.usage import Usage
from tokenbudget_server.demo.workloads import RUNAWAY, WORKLOADS, Workload

DAYS = 90
RUNAWAY_DAY = 66
_SEED = 8321
_GROWTH_PER_DAY = 0.0075
_MOST_GROWTH = 4.0
_SATURDAY = 5
# Calls by UTC hour, relative to each other: mornings and afternoons of offices in Europe, an evening in America.
_BY_HOUR = (1, 1, 1, 1, 1, 2, 5, 11, 17, 19, 18, 15, 14, 18, 20, 19, 17, 14, 11, 9, 7, 5, 3, 2)
_FAILED, _ABORTED, _RETRIED = 0.013, 0.008, 0.02
_CACHE_HIT, _CACHE_WRITE = 0.8, 0.12
_FAILURES = ("RateLimitError", "APITimeoutError", "InternalServerError", "APIConnectionError")


def day_of_usage(day: date, first: date) -> Iterator[Event]:
    """Make up one day's events, unpriced, in no order.

    Parameters
    ----------
    day : date
        UTC.
    first : date
        The day all of it begins; growth, new models and the one bad night are counted from it.
    """
    number = (day - first).days
    for index, workload in enumerate(WORKLOADS):
        # Each workload draws by itself, so that changing one leaves the others' days as they were.
        random = Random(f"{_SEED} {day} {index}")  # noqa: S311 - made-up numbers
        for _ in range(_calls(workload, day, number, random)):
            yield _event(workload, _moment(workload, day, random), random)
        if workload.feature == RUNAWAY and number == RUNAWAY_DAY:
            yield from _runaway(workload, day, random)


def _calls(workload: Workload, day: date, number: int, random: Random) -> int:
    if number < workload.starts_on_day:
        return 0
    growth = min(_MOST_GROWTH, math.exp(_GROWTH_PER_DAY * number))
    adoption = min(1.0, 0.25 + (number - workload.starts_on_day) / 14) if workload.starts_on_day else 1.0
    weekday = workload.weekend if day.weekday() >= _SATURDAY else 1.0 + 0.06 * math.sin(day.weekday() * 2)
    return round(workload.calls * growth * adoption * weekday * random.lognormvariate(0, 0.12))


def _moment(workload: Workload, day: date, random: Random) -> datetime:
    hour = random.randrange(1, 4) if workload.nightly else random.choices(range(24), _BY_HOUR)[0]
    midnight = datetime.combine(day, time(), UTC)
    return midnight + timedelta(hours=hour, microseconds=random.randrange(3_600_000_000))


def _runaway(workload: Workload, day: date, random: Random) -> Iterator[Event]:
    """Make up the night in which an agent called itself until an engineer woke up."""
    for _ in range(workload.calls * 11):
        moment = datetime.combine(day, time(1), UTC) + timedelta(seconds=random.uniform(0, 5.5 * 3600))
        yield _event(workload._replace(users=1, input_tokens=16_000), moment, random)


def _event(workload: Workload, moment: datetime, random: Random) -> Event:
    fate = random.random()
    breaks_off = fate < _FAILED + _ABORTED and workload.output_tokens
    status: Status = "error" if fate < _FAILED else "aborted" if breaks_off else "ok"
    usage = Usage() if status == "error" else _usage(workload, random, shortened=status == "aborted")
    first_token = random.lognormvariate(math.log(420), 0.35)
    streamed = (usage.output_tokens or 0) / workload.tokens_per_second * 1000
    return Event(
        id=_id(moment, random),
        occurred_at=moment,
        provider=workload.provider,
        model=workload.model,
        requested_model=workload.requested,
        operation=workload.operation,
        usage=usage,
        batch=workload.batch,
        latency_ms=round(first_token + streamed * random.uniform(0.8, 1.3), 3),
        time_to_first_token_ms=round(first_token, 3) if workload.output_tokens and status != "error" else None,
        attempts=2 if random.random() < _RETRIED else 1,
        status=status,
        error_type=random.choice(_FAILURES) if status == "error" else None,
        measured="estimated" if status == "aborted" else "exact",
        tags=_tags(workload, random),
    )


def _usage(workload: Workload, random: Random, *, shortened: bool) -> Usage:
    entered = round(workload.input_tokens * random.lognormvariate(0, 0.55)) + 12
    output = round(workload.output_tokens * random.lognormvariate(0, 0.6) * (0.4 if shortened else 1.0))
    hit = workload.cached > 0 and random.random() < _CACHE_HIT
    cached = int(entered * min(0.95, workload.cached * random.uniform(0.9, 1.3))) // 128 * 128 if hit else 0
    writes = workload.provider == "anthropic" and workload.cached and random.random() < _CACHE_WRITE
    written = (entered - cached) // 2 if writes else 0
    return Usage(
        input_tokens=entered,
        output_tokens=output,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        cache_write_5m_tokens=written,
        reasoning_tokens=int(output * workload.reasoning * random.uniform(0.7, 1.2)),
    )


def _tags(workload: Workload, random: Random) -> dict[str, str]:
    tags = {"feature": workload.feature, "team": workload.team, "env": workload.env}
    if workload.users:
        # A few people use most of it.
        tags["user_id"] = f"u{min(int(random.paretovariate(0.9)), workload.users):03d}"
    return tags


def _id(moment: datetime, random: Random) -> str:
    """Make a UUIDv7 whose random part is the generator's."""
    digits = f"{int(moment.timestamp() * 1000):012x}7{random.getrandbits(12):03x}{8 | random.getrandbits(2):x}"
    digits += f"{random.getrandbits(60):015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
