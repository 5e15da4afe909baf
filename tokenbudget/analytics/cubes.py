"""Cubes: the totals of whole days by every dimension, so that most questions read no event at all.

A cube is a frame like an answer's groups: dimensions, the tags that few enough values are in use of, the totals, and
``occurred_at``, the midnight (UTC) at which its day begins.  What is added up from cubes is to the last digit what is
summed from events, as all totals are integers.  A day that a question cuts (its period begins within it, or a bucket
does) is read from events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Protocol

import polars as pl

from tokenbudget.analytics.metrics import TOTALS, totals
from tokenbudget.core.query import DIMENSIONS
from tokenbudget.ledger.schema import INSTANT, TAG_PREFIX, Source

Span = tuple[datetime, datetime]

MOST_TAG_VALUES = 200
_ROWS_ALWAYS = 500
_EVENTS_PER_ROW = 8
_DAY = timedelta(days=1)
_TOTAL = "total_"
"""Before the name of a total: ``unpriced`` is a dimension, too."""


class CubedSource(Source, Protocol):
    """A ledger source that keeps cubes."""

    def cubes(self, spans: Sequence[Span], columns: Iterable[str]) -> tuple[pl.LazyFrame | None, list[Span]]:
        """Give the cubes of whole days, and which of the spans have to be scanned because there is none.

        Parameters
        ----------
        spans : sequence of (datetime, datetime)
            From midnight to midnight, UTC.
        columns : iterable of str
            Dimensions and tags, as columns of the ledger, that the cubes must have.
        """
        ...


class MomentarySource(Source, Protocol):
    """A ledger source that changes while it is read."""

    def at_one_moment(self, start: datetime, end: datetime) -> Source:
        """Give the source as it is now, for this span; every part of an answer then comes of one state."""
        ...


def at_one_moment(source: Source, start: datetime, end: datetime) -> Source:
    """Hold a source still for a question about ``start <= occurred_at < end``, if it is one that changes."""
    hold = getattr(source, "at_one_moment", None)
    return source if hold is None else hold(start, end)


def format_of(keys: Iterable[str] = ()) -> str:
    """Name the format of cubes with these keys: it changes with the totals, and a cube of another format is none."""
    said = [(name, str(how)) for name, how in TOTALS.items()], *keys
    return sha256(repr(said).encode()).hexdigest()[:8]


def build(events: pl.DataFrame, day: datetime, keys: Iterable[str] = ()) -> pl.DataFrame:
    """Sum up the events of one day.

    Parameters
    ----------
    events : polars.DataFrame
        Of the ledger; of one day.
    day : datetime
        Its midnight, UTC.
    keys : iterable of str
        Columns to keep apart besides the dimensions, ``project_id`` say.

    Returns
    -------
    polars.DataFrame
        A tag is in it while that leaves at least eight events to a row, the tags of fewest values first.
    """
    fixed = [name for name in dict.fromkeys((*keys, *DIMENSIONS)) if name in events.columns]
    cube = _grouped(events, fixed)
    most = max(_ROWS_ALWAYS, events.height // _EVENTS_PER_ROW)
    for tag in _small_tags(events):
        finer = _grouped(events, [*fixed, tag])
        if finer.height > most:
            break
        fixed, cube = [*fixed, tag], finer
    return cube.with_columns(pl.lit(day, INSTANT).alias("occurred_at"))


def _grouped(events: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    sums = [how.name.prefix(_TOTAL) for how in totals()]
    return events.lazy().group_by(names).agg(sums).collect()


def added() -> list[pl.Expr]:
    """Sum the totals of cubes."""
    return [pl.col(_TOTAL + name).sum().alias(name) for name in TOTALS]


def _small_tags(events: pl.DataFrame) -> list[str]:
    tags = [name for name in events.columns if name.startswith(TAG_PREFIX)]
    if not tags or events.is_empty():
        return []
    values = events.select(pl.col(tags).n_unique()).row(0)
    return [tag for count, tag in sorted(zip(values, tags, strict=True)) if count <= MOST_TAG_VALUES]


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
    cut = {_midnight(edge) for edge in edges if edge != _midnight(edge)}
    whole: list[Span] = []
    rest: list[Span] = []
    at = start
    while at < end:
        following = min(_midnight(at) + _DAY, end)
        is_whole = following - at == _DAY and at not in cut
        _extend(whole if is_whole else rest, at, following)
        at = following
    return whole, rest


def _extend(spans: list[Span], start: datetime, end: datetime) -> None:
    if spans and spans[-1][1] == start:
        spans[-1] = spans[-1][0], end
    else:
        spans.append((start, end))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Put spans that follow each other together."""
    found: list[Span] = []
    for start, end in sorted(spans):
        _extend(found, start, end)
    return found


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)
