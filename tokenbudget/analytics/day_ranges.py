"""Divide a span of time into the whole days that cubes answer, and the rest, which is read from events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, Protocol

import polars as pl

from tokenbudget.ledger.schema import Source

Span = tuple[datetime, datetime]
Kind = Literal["totals", "bins"]
"""Of cubes: the totals that metrics are derived from, or the histograms of `tokenbudget.analytics.histogram`."""

_DAY = timedelta(days=1)


class CubedSource(Source, Protocol):
    """A ledger source that keeps cubes."""

    def cubes(
        self, spans: Sequence[Span], columns: Iterable[str], kind: Kind = "totals"
    ) -> tuple[pl.LazyFrame | None, list[Span]]:
        """Return the cubes of whole days, and which of the spans have to be scanned because there is none.

        Parameters
        ----------
        spans : sequence of (datetime, datetime)
            From midnight to midnight, UTC.
        columns : iterable of str
            Dimensions and tags, as columns of the ledger, that the cubes must have.
        kind : {"totals", "bins"}
            What the cubes must hold.
        """
        ...


class MomentarySource(Source, Protocol):
    """A ledger source that changes while it is read."""

    def at_one_moment(self, start: datetime, end: datetime) -> Source:
        """Return a consistent view of the source for this span."""
        ...


def at_one_moment(source: Source, start: datetime, end: datetime) -> Source:
    """Return a consistent view of a source for a query about ``start <= occurred_at < end``."""
    hold = getattr(source, "at_one_moment", None)
    return source if hold is None else hold(start, end)


def whole_days(start: datetime, end: datetime, edges: Iterable[datetime] = ()) -> tuple[list[Span], list[Span]]:
    """Cut a span into runs of whole UTC days, and the rest.

    Parameters
    ----------
    edges : iterable of datetime
        No day in which one of these lies (but at its beginning) is whole.

    Examples
    --------
    >>> at = lambda day, hour=0: datetime(2026, 3, day, hour, tzinfo=UTC)
    >>> whole, rest = whole_days(at(1, 12), at(5), [at(3, 6)])
    >>> [(a.day, b.day) for a, b in whole], [(a.day, a.hour, b.day) for a, b in rest]
    ([(2, 3), (4, 5)], [(1, 12, 2), (3, 0, 4)])
    """
    if start >= end:
        return [], []
    cut = {_midnight(edge) for edge in edges if edge != _midnight(edge)}
    cut |= {_midnight(at) for at in (start, end) if at != _midnight(at)}
    whole: list[Span] = []
    rest: list[Span] = []
    at = start  # From cut to cut: a period may have millions of days.
    for day in sorted(day for day in cut if start < day + _DAY and day < end):
        if at < day:
            _extend(whole, at, day)
        following = min(day + _DAY, end)
        _extend(rest, max(day, at), following)
        at = following
    if at < end:
        _extend(whole, at, end)
    return whole, rest


def _extend(spans: list[Span], start: datetime, end: datetime) -> None:
    if spans and spans[-1][1] == start:
        spans[-1] = spans[-1][0], end
    else:
        spans.append((start, end))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Merge adjacent spans."""
    found: list[Span] = []
    for start, end in sorted(spans):
        _extend(found, start, end)
    return found


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)
