"""``tb.coverage``: the calls that costs do not include, and what to do about them."""

from __future__ import annotations

from typing import Any

from tokenbudget import config
from tokenbudget.core.period import PeriodLike
from tokenbudget.notebook.backend import FLUSH_SECONDS
from tokenbudget.notebook.frames import Backend, to_user_frame
from tokenbudget.notebook.missing_calls import warn_of_missing
from tokenbudget.notebook.question import question


def coverage(
    period: PeriodLike = "30d",
    tz: str | None = None,
    backend: Backend = "pandas",
    **filters: Any,
) -> Any:
    """Return the calls whose cost is unknown, with the reason and what to do.

    Parameters
    ----------
    period, tz, backend, **filters
        As for `tokenbudget.summary`.

    Returns
    -------
    DataFrame
        One row per provider, model and reason, most calls first: ``requests``, ``input_tokens`` and ``output_tokens``
        (null if the provider stated none), ``share`` (of the period's calls, 0 to 1), ``last_at`` (in `tz`) and
        ``advice``.  The frame is empty if every charged call has a price.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    ServerError
        If the configured server does not answer.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> list(tb.coverage("7d").columns[:4])
    ['provider', 'model', 'reason', 'requests']
    """
    from tokenbudget.recording import recorder

    asked = question(period, tz=tz, filters=filters)
    recorder.flush(timeout=FLUSH_SECONDS)
    settings = config.current()
    if settings.url is None:
        from tokenbudget.analytics.coverage import coverage as covered
        from tokenbudget.ledger.local import local_source
        from tokenbudget.pricing import default

        warn_of_missing(settings.home, stacklevel=3)
        frame = covered(local_source(settings.home), asked, default())
    else:
        from tokenbudget.client import Client

        frame = Client(settings.url, settings.api_key).coverage(asked)
    return to_user_frame(frame, asked.period.tz, backend)
