"""What one question may take: how large its answer may be, and how it is computed so that it can be ended."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tokenbudget.analytics.limits import Limits
from tokenbudget.core.query import Query
from tokenbudget_server.ledger.memory_budget import MemoryBudget
from tokenbudget_server.web.cancellation import current_cancellation

JSON_CELLS = 600_000
"""Values in an answer as JSON: some 15 MB, and ten times as much while it is written."""
ARROW_CELLS = 4_000_000
"""Values in an answer as Arrow, where each takes some ten bytes."""
MOST_LEVELS = 100
MOST_VALUES = 1_000
STREAMED = 2_000_000
"""Calls beyond which a question is computed a piece at a time, so that it takes little memory and can be ended.  Usual
questions are over before that would matter."""


def check_query(query: Query) -> None:
    """Refuse filters of too many values; raises QueryError."""
    Limits(values=MOST_VALUES).check_query(query)


def limits_of(memory: MemoryBudget, *, is_arrow: bool) -> Limits:
    """Return the limits of an answer."""
    return Limits(
        cells=ARROW_CELLS if is_arrow else JSON_CELLS,
        groups=memory.groups,
        levels=MOST_LEVELS,
        exact_calls=memory.exact_calls,
    )


def collect_large(frames: Sequence[pl.LazyFrame]) -> list[pl.DataFrame]:
    """Compute frames one after the other, a piece at a time, as long as somebody waits for them.

    What polars has begun is always fetched: it aborts the process where nobody is there to take the result.
    """
    found = []
    for frame in frames:
        current_cancellation().check()
        query = frame.collect(engine="streaming", background=True)
        with current_cancellation().stoppable(query.cancel):
            found.append(query.fetch_blocking())
    return found
