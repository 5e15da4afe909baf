"""Turn the arguments of a user into a `Query`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from tokenbudget import config
from tokenbudget.core import period as periods
from tokenbudget.core.errors import QueryError
from tokenbudget.core.period import PeriodLike
from tokenbudget.core.query import INTERVALS, Interval, Query, column
from tokenbudget.core.tag_values import is_missing, tag_text

By = str | Iterable[str] | None


def question(
    period: PeriodLike,
    *,
    tz: str | None = None,
    by: By = None,
    interval: Interval | None = None,
    limit: int | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Query:
    """Build a query and check its parts.

    Raises
    ------
    PeriodError
        If the period or the time zone is not understood.
    QueryError
        If a dimension, filter, interval or limit is not.
    """
    if interval is not None and interval not in get_args(Interval):
        msg = f"unknown interval {interval!r}: use {', '.join(INTERVALS)}"
        raise QueryError(msg)
    if limit is not None and limit < 1:
        msg = f"limit must be at least 1, got {limit!r}"
        raise QueryError(msg)
    names = (by,) if isinstance(by, str) else tuple(by or ())
    for name in (*names, *(filters or {})):
        column(name)
    return Query(
        # A ZoneInfo, or datetime.UTC, is named by its text.
        period=periods.parse(period, datetime.now(UTC), str(tz or config.current().tz)),
        by=names,
        interval=interval,
        limit=limit,
        filters={name: _values(name, value) for name, value in (filters or {}).items()},
    )


def _values(name: str, value: Any) -> tuple[str, ...]:
    """Return one value or several (a list, a column of a frame) as texts; None selects calls without a value."""
    is_one = is_missing(value) or tag_text(value) is not None or not isinstance(value, Iterable)
    several = (value,) if is_one else tuple(value)
    if not several:
        msg = f"filter {name!r} allows no value: give at least one, or leave it out"
        raise QueryError(msg)
    return tuple(_value(name, item) for item in several)


def _value(name: str, item: Any) -> str:
    text = "" if is_missing(item) else tag_text(item)
    if text is None:
        msg = f"filter {name!r} cannot be {type(item).__name__} {item!r:.80}: give a value, or a list of values"
        raise QueryError(msg)
    return text
