"""The queries of a notebook: ``tb.summary``, ``tb.by``, ``tb.timeseries``, ``tb.percentiles``, ``tb.events``.

The answers come from the journal on this machine, or from the TokenBudget server if one is configured; the frames are
the same.  A keyword that is not in the signature is a filter: a dimension (``model="gpt-4o"``) or a tag
(``feature=["chatbot", "search"]``).  None selects the calls without a value.  Write a tag whose name is a keyword of
the function as ``**{"tag.limit": "x"}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tokenbudget.analytics.metrics import NAMES
from tokenbudget.analytics.quantiles import LEVELS
from tokenbudget.core.period import PeriodLike
from tokenbudget.core.query import Interval
from tokenbudget.notebook.backend import answers
from tokenbudget.notebook.frames import Backend, to_user_frame
from tokenbudget.notebook.question import By, question
from tokenbudget.notebook.unpriced_calls import warn_of_unpriced


def summary(
    period: PeriodLike = "30d",
    by: By = None,
    tz: str | None = None,
    backend: Backend = "pandas",
    **filters: Any,
) -> Any:
    """Return the totals of a period.

    Parameters
    ----------
    period : str, date, or pair of str, date or datetime
        ``24h``, ``7d``, ``30d``, ``mtd``, ``qtd``, ``ytd``, ``2026-10``, ``2026-10-05``, ``2026-10-01..2026-10-15``.
        A pair of dates, e.g. ``("2026-10-01", "2026-10-15")``, includes both days; a pair of times excludes the second.
    by : str or sequence of str, optional
        One or two dimensions or tags: return one row per group, as `by` does.
    tz : str, optional
        IANA time zone of the days; the configured one (UTC by default) if omitted.
    backend : {"pandas", "polars"}
        Which kind of data frame to return.
    **filters
        Dimension or tag, and the value or list of values to select.

    Returns
    -------
    DataFrame
        One row: ``period``, ``requests``, ``cost_usd`` (US dollars; null if no call has a price),
        ``previous_cost_usd`` and ``cost_change`` (compared with the period before: 0.1 is 10 % more; null if that cost
        is 0 or unknown), tokens, ``errors``, ``aborted``, ``estimated``, ``unpriced`` (calls that ``cost_usd`` does not
        include), averages per call, and rates.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    ServerError
        If the configured server does not answer.

    Warns
    -----
    UnpricedWarning
        If the cost leaves out calls that have no price.
    MissingCallsWarning
        If calls are missing: they could not be stored, or what is stored cannot be read.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> frame = tb.summary(period="7d")
    >>> list(frame.columns[:5])
    ['period', 'requests', 'cost_usd', 'previous_cost_usd', 'cost_change']
    >>> len(frame)
    1
    """
    asked = question(period, tz=tz, by=by, filters=filters)
    if asked.by:
        frame = answers().by(asked)
    else:
        frame = _one_row(answers().summary(asked)).select(pl.lit(asked.period.name).alias("period"), pl.all())
    warn_of_unpriced(asked, frame)
    return to_user_frame(frame, asked.period.tz, backend)


def by(
    dimension: By,
    period: PeriodLike = "30d",
    tz: str | None = None,
    limit: int | None = None,
    backend: Backend = "pandas",
    **filters: Any,
) -> Any:
    """Split a period by one or two dimensions or tags.

    Parameters
    ----------
    dimension : str or sequence of str
        ``model``, ``provider``, ``operation``, ``status``, ``unpriced``, … or any tag: ``feature``, ``user_id``, …
        Two dimensions give one row per pair (long format).
    limit : int, optional
        Number of groups to show per dimension, the largest first; the rest are combined into ``other``.
    period, tz, backend, **filters
        As for `summary`.

    Returns
    -------
    DataFrame
        One row per group, the largest cost first: the group, the metrics, and its ``share`` of the cost (0 to 1).
        Calls without the tag form the group null.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    ServerError
        If the configured server does not answer.

    Warns
    -----
    UnpricedWarning
        If the cost leaves out calls that have no price.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> list(tb.by("feature", period="7d", limit=5).columns[:3])
    ['feature', 'requests', 'cost_usd']
    """
    asked = question(period, tz=tz, by=dimension, limit=limit, filters=filters)
    frame = answers().by(asked)
    warn_of_unpriced(asked, frame)
    return to_user_frame(frame, asked.period.tz, backend)


def timeseries(
    period: PeriodLike = "30d",
    interval: Interval | None = None,
    by: By = None,
    tz: str | None = None,
    limit: int | None = None,
    backend: Backend = "pandas",
    **filters: Any,
) -> Any:
    """Return a period as a time series without gaps.

    Parameters
    ----------
    interval : {"15min", "hour", "day", "week", "month"}, optional
        Length of a bucket; chosen to fit the period if omitted.
    by : str or sequence of str, optional
        One or two dimensions or tags: every group has a row in every bucket.
    limit : int, optional
        Number of groups to show, the largest first; the rest are combined into ``other``.
    period, tz, backend, **filters
        As for `summary`.

    Returns
    -------
    DataFrame
        ``bucket`` (its start, in `tz`), the group, and the metrics.  Buckets without calls have 0 requests and cost 0.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid, or the series would have too many rows.
    ServerError
        If the configured server does not answer.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> len(tb.timeseries("7d", interval="day"))
    7
    """
    asked = question(period, tz=tz, by=by, interval=interval, limit=limit, filters=filters)
    return to_user_frame(answers().timeseries(asked), asked.period.tz, backend)


def percentiles(
    period: PeriodLike = "30d",
    by: By = None,
    levels: Sequence[float] = LEVELS,
    tz: str | None = None,
    backend: Backend = "pandas",
    *,
    measure: str | Sequence[str] | None = None,
    exact: bool = False,
    **filters: Any,
) -> Any:
    """Return percentiles of cost, latency and time to first token per call.

    For up to a million calls they are exact, with linear interpolation between the two nearest calls.  For more calls
    they come from histograms and are at most 1.6 % off; counts and maxima are always exact.

    Parameters
    ----------
    levels : sequence of float
        Fractions: 0.95 is p95.
    measure : str or sequence of str, optional
        Some of ``cost_usd``, ``latency_ms`` and ``time_to_first_token_ms``; all if omitted.
    exact : bool
        Never use histograms.  Ten million calls then take one or two seconds instead of 50 ms.
    period, by, tz, backend, **filters
        As for `summary`.

    Returns
    -------
    DataFrame
        One row per measure, or per group and measure: ``count`` (calls whose value is known), ``p50``, ``p90``, …,
        ``max``, ``exact``.  ``cost_usd`` is in US dollars, the other measures are in milliseconds.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    ServerError
        If the configured server does not answer.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> list(tb.percentiles("7d", levels=[0.5, 0.95])["measure"])
    ['cost_usd', 'latency_ms', 'time_to_first_token_ms']
    """
    asked = question(period, tz=tz, by=by, filters=filters)
    measures = [measure] if isinstance(measure, str) else list(measure or ())
    return to_user_frame(answers().percentiles(asked, levels, exact=exact, measures=measures), asked.period.tz, backend)


def events(
    period: PeriodLike = "7d",
    limit: int | None = 100,
    tz: str | None = None,
    backend: Backend = "pandas",
    **filters: Any,
) -> Any:
    """Return single calls, the newest first.

    Parameters
    ----------
    limit : int or None
        Maximum number of rows; None returns all.
    period, tz, backend, **filters
        As for `summary`.

    Returns
    -------
    DataFrame
        One row per call: ``occurred_at`` (in `tz`), provider, model, status, ``cost_usd`` (null if unpriced), tokens,
        times in milliseconds, one column ``tag_<key>`` per tag, and further details.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    ServerError
        If the configured server does not answer.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> list(tb.events("24h").columns[:3])
    ['occurred_at', 'provider', 'model']
    """
    asked = question(period, tz=tz, limit=limit, filters=filters)
    frame = answers().events(asked)
    tags = [name for name in frame.columns if name.startswith("tag_")]
    first = [*_FIRST_OF_AN_EVENT, *tags]
    return to_user_frame(frame.select(*first, pl.exclude(first)), asked.period.tz, backend)


_FIRST_OF_AN_EVENT = (
    "occurred_at",
    "provider",
    "model",
    "operation",
    "status",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "reasoning_tokens",
    "latency_ms",
    "time_to_first_token_ms",
)


def _one_row(spans: pl.DataFrame) -> pl.DataFrame:
    """Put the previous period's cost beside the current one's."""
    current, previous = spans["cost_usd"].to_list()
    change = float(current / previous - 1) if current is not None and previous else None
    return spans.head(1).select(
        *NAMES[:2],
        pl.lit(previous, spans["cost_usd"].dtype).alias("previous_cost_usd"),
        pl.lit(change, pl.Float64).alias("cost_change"),
        *NAMES[2:],
    )
