"""How large a question and its answer may be: who answers for others sets limits, on one's own machine there are none.

They are checked before the work, as far as can be known then, and again where it becomes known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenbudget.analytics.aggregation import Groups, Sums, summed
from tokenbudget.analytics.collecting import collect
from tokenbudget.core.errors import QueryError
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source

_ASK_SMALLER = "add limit=…, or ask about a shorter period"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that is answered; None is no limit.

    Attributes
    ----------
    cells : int or None
        Values in an answer: rows × columns.
    groups : int or None
        Groups that are summed up before the largest are picked.
    levels : int or None
        Percentiles at once.
    values : int or None
        Values that filters name, together.
    exact_calls : int or None
        Calls that percentiles are exact of.
    """

    cells: int | None = None
    groups: int | None = None
    levels: int | None = None
    values: int | None = None
    exact_calls: int | None = None

    def check_query(self, query: Query) -> None:
        """Refuse filters of too many values.

        Raises
        ------
        QueryError
        """
        values = sum(map(len, query.filters.values()))
        if self.values is not None and values > self.values:
            msg = f"the filters name {values:,} values, and {self.values:,} are the most: ask in several questions"
            raise QueryError(msg)

    def check_levels(self, levels: Sequence[float]) -> None:
        """Refuse too many percentiles.

        Raises
        ------
        QueryError
        """
        if self.levels is not None and len(levels) > self.levels:
            msg = f"{len(levels):,} levels are too many, {self.levels:,} are the most: ask for fewer"
            raise QueryError(msg)

    def check_exact(self, calls: int) -> None:
        """Refuse to read too many calls for exact percentiles.

        Raises
        ------
        QueryError
        """
        if self.exact_calls is not None and calls > self.exact_calls:
            msg = (
                f"exact percentiles of {calls:,} calls are too much for this server, {self.exact_calls:,} are the "
                "most: ask about a shorter period, or leave exact=true out"
            )
            raise QueryError(msg)

    def check_groups(self, groups: int) -> None:
        """Refuse to sum up too many groups.

        Raises
        ------
        QueryError
        """
        if self.groups is not None and groups > self.groups:
            msg = (
                f"the period has about {groups:,} groups, and {self.groups:,} are the most: "
                "ask about a shorter period, filter, or split by fewer dimensions"
            )
            raise QueryError(msg)

    def check_answer(self, rows: int, columns: int, how: str = _ASK_SMALLER) -> None:
        """Refuse an answer of too many values.

        Parameters
        ----------
        how : str
            What to do about it.

        Raises
        ------
        QueryError
        """
        if self.cells is not None and rows * columns > self.cells:
            msg = (
                f"the answer would have some {rows:,} rows × {columns:,} columns, and {self.cells:,} values are the "
                f"most: {how}"
            )
            raise QueryError(msg)

    def groups_of(
        self,
        source: Source,
        query: Query,
        span: tuple[datetime, datetime],
        groups: Groups,
        edges: Sequence[datetime] = (),
        *,
        columns: int = 0,
    ) -> int:
        """Return about how many groups a question has, as far as that matters here; 0 where it does not.

        There are no more groups than calls: only where a source says that there are too many calls are groups counted.

        Parameters
        ----------
        columns : int
            What the answer has of each group; 0 where it has only the largest ones.
        """
        most = [self.groups] if self.groups is not None else []
        if columns and self.cells is not None:
            most.append(self.cells // columns)
        if not most or not groups:
            return 0
        calls = calls_of(source, *span)
        if calls is not None and calls <= min(most):
            return 0
        frame = summed(source, query, span, _GROUPS, groups, edges)
        names = [group.meta.output_name() for group in groups]
        return int(collect(frame.select(pl.struct(names).hash().approx_n_unique())).item() or 0)


NONE = Limits()
"""No limits: those who ask use memory of their own."""


def calls_of(source: Source, start: datetime, end: datetime) -> int | None:
    """Return how many calls a span has at most, where the source can tell without reading them."""
    count = getattr(source, "calls", None)
    return None if count is None else count(start, end)


def _named(frame: pl.LazyFrame, groups: Groups) -> pl.LazyFrame:
    return frame.select(groups)


_GROUPS = Sums("totals", ("provider",), _named, _named, _named)
