"""Read a question out of a URL's parameters."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from litestar.datastructures import MultiDict

from tokenbudget.analytics.quantiles import LEVELS
from tokenbudget.core import period as periods
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import INTERVALS, Query, column

_OWN = {"period", "tz", "by", "interval", "limit", "key", "project_id", "cursor", "level"}
_DEFAULT_PERIOD = "30d"
_LARGEST_LIMIT = 10_000


def read_query(parameters: MultiDict[str], by: Collection[str] = (), default_limit: int | None = None) -> Query:
    """Read period, filters, grouping, interval and limit.

    Parameters
    ----------
    parameters : MultiDict
        ``period`` (default 30d), ``tz`` (default UTC), ``by``, ``interval``, ``limit``; every other name is a
        dimension or a tag and says which values it may have.
    by : collection of str
        What to split by, where the endpoint decides it.
    default_limit : int, optional
        Largest groups to name.

    Raises
    ------
    PeriodError, QueryError
        If a parameter cannot be used.
    """
    interval = parameters.get("interval")
    if interval is not None and interval not in INTERVALS:
        raise QueryError(f"interval must be one of {', '.join(INTERVALS)}, got {interval!r}")
    filters = {name: tuple(parameters.getall(name)) for name in parameters if name not in _OWN}
    for name in filters:
        column(name)
    when = parameters.get("period") or _DEFAULT_PERIOD
    return Query(
        # To the minute: how far the previous period is compared would make every answer another one.
        period=periods.parse(when, this_minute(), parameters.get("tz") or "UTC"),
        filters=filters,
        by=tuple(by) or tuple(parameters.getall("by", [])),
        interval=interval,
        limit=read_number(parameters, "limit", _LARGEST_LIMIT) or default_limit,
    )


def this_minute() -> datetime:
    """Give the present, to the minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def read_levels(parameters: MultiDict[str]) -> tuple[float, ...]:
    """Read which percentiles are asked for; the usual ones where none are named.

    Raises
    ------
    QueryError
        If one is no number.
    """
    try:
        return tuple(map(float, parameters.getall("level", []))) or LEVELS
    except ValueError:
        raise QueryError("level must be a fraction from 0 to 1, e.g. level=0.95") from None


def read_number(parameters: MultiDict[str], name: str, largest: int) -> int | None:
    """Read a whole number from 1 to `largest`; None where there is none.

    Raises
    ------
    QueryError
        If it is something else.
    """
    text = parameters.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        raise QueryError(f"{name} must be a whole number from 1 to {largest}, got {text[:32]!r}")
    return int(text)
