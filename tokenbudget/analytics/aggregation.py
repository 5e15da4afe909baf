"""Sums over a span of time: from cubes for whole days if the source has them, from events for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenbudget.analytics.day_ranges import Kind, joined, whole_days
from tokenbudget.analytics.selection import asked, events_of, filtered
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source

Groups = Sequence[pl.Expr]
Summing = Callable[[pl.LazyFrame, Groups], pl.LazyFrame]


@dataclass(frozen=True)
class Sums:
    """A kind of sum that can be added up.

    Attributes
    ----------
    kind : {"totals", "bins"}
        The cubes that hold it.
    needs : tuple of str
        Columns of the ledger that it is made of.
    of_events, of_cubes, of_sums : callable
        Sum up events, cubes, or what these gave, by groups.
    """

    kind: Kind
    needs: tuple[str, ...]
    of_events: Summing
    of_cubes: Summing
    of_sums: Summing


def summed(
    source: Source,
    query: Query,
    span: tuple[datetime, datetime],
    sums: Sums,
    groups: Groups = (),
    edges: Sequence[datetime] = (),
) -> pl.LazyFrame:
    """Sum the events of a span that match the query's filters.

    Parameters
    ----------
    edges : sequence of datetime
        Where the groups part in time; left out, they do not.
    """
    find = getattr(source, "cubes", None)
    if find is None:
        return _scanned(source, query, span, sums, groups)
    whole, rest = whole_days(*span, edges)
    ready, missing = find(whole, asked(query), sums.kind) if whole else (None, [])
    if ready is None:
        return _scanned(source, query, span, sums, groups)
    parts = [_scanned(source, query, each, sums, groups) for each in joined([*rest, *missing])]
    names = [pl.col(group.meta.output_name()) for group in groups]
    return sums.of_sums(pl.concat([sums.of_cubes(filtered(ready, query), groups), *parts]), names)


def aggregated(expressions: Sequence[pl.Expr]) -> Summing:
    """Sum up by these expressions."""

    def sum_up(frame: pl.LazyFrame, groups: Groups) -> pl.LazyFrame:
        return frame.group_by(groups).agg(expressions) if groups else frame.select(expressions)

    return sum_up


def _scanned(source: Source, query: Query, span: tuple[datetime, datetime], sums: Sums, groups: Groups) -> pl.LazyFrame:
    times = [name for group in groups for name in group.meta.root_names() if name == "occurred_at"]
    return sums.of_events(events_of(source, query, *span, [*sums.needs, *times]), groups)
