"""``tb.reprice``: price recorded calls again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import polars as pl

from tokenbudget import config
from tokenbudget.analytics import repricing
from tokenbudget.core.formatting import plural
from tokenbudget.core.period import PeriodLike
from tokenbudget.core.query import Query
from tokenbudget.ledger.repricing import apply, preview
from tokenbudget.notebook.backend import FLUSH_SECONDS
from tokenbudget.notebook.frames import Backend, to_user_frame
from tokenbudget.notebook.question import question
from tokenbudget.pricing import default


class NotRepricedWarning(UserWarning):
    """Some calls of the period could not be priced again yet."""


def reprice(
    period: PeriodLike = "30d", *, dry_run: bool = True, tz: str | None = None, backend: Backend = "pandas"
) -> Any:
    """Price recorded calls again: with the prices known now for the time of each call.

    Preview the difference first, then apply it.  Calls without a price get one if there is one now.  Each call keeps a
    record of its earlier cost.  Costs that the provider itself reported never change, nor do prices that were stated
    for a model which is not in the table.

    Parameters
    ----------
    period, tz, backend
        As for `tokenbudget.summary`.
    dry_run : bool, default True
        Return what would change, without changing it.  A run on a server that stops halfway leaves correct costs, and
        the next run continues; on this machine, either all costs change or none.

    Returns
    -------
    DataFrame
        One row per provider and model, the largest difference first: ``requests``, ``changed`` (calls whose cost, price
        or reason changes), ``newly_priced``, ``unpriced`` (calls whose cost stays unknown), ``old_cost_usd``,
        ``new_cost_usd`` (US dollars; null if no call has a price) and ``difference_usd``.

    Raises
    ------
    PeriodError
        If the period is not valid.
    JournalError
        If the stored calls of this machine cannot be changed.
    ServerError
        If the configured server does not answer, or fails.

    Warns
    -----
    NotRepricedWarning
        If calls were skipped because running programs still write them.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> list(tb.reprice("7d").columns[:4])
    ['provider', 'model', 'requests', 'changed']
    """
    from tokenbudget.recording import recorder

    asked = question(period, tz=tz)
    recorder.flush(timeout=FLUSH_SECONDS)
    settings = config.current()
    if settings.url is None:
        frame = _locally(settings.home, asked, dry_run=dry_run)
    else:
        from tokenbudget.client import Client

        frame = Client(settings.url, settings.api_key).reprice(asked, dry_run=dry_run)
    return to_user_frame(frame, asked.period.tz, backend)


def _locally(home: Path, asked: Query, *, dry_run: bool) -> pl.DataFrame:
    from tokenbudget.recording import recorder

    parts: list[pl.DataFrame] = []

    def seen(priced: pl.DataFrame) -> None:
        parts.append(repricing.totals(priced))

    start, end = asked.period.start, asked.period.end
    if dry_run:
        preview(home, start, end, default(), seen)
    else:
        recorder.shutdown()  # Finishes this process' segment; the next call starts another.
        if left := apply(home, start, end, default(), seen):
            warnings.warn(
                f"{plural(left, 'call')} left as before for now: running programs still write their journals, or "
                "calls wait to be sent to a server. Price again when these programs have ended",
                NotRepricedWarning,
                stacklevel=3,
            )
    return repricing.difference(parts)
