"""Choose where queries are answered: from the journal on this machine, or by the configured server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from tokenbudget import analytics, config
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source
from tokenbudget.notebook.missing_calls import warn_of_missing

FLUSH_SECONDS = 3.0
"""How long a query waits until the server has the most recent calls."""


class Answers(Protocol):
    """Answers queries with the frames of `tokenbudget.analytics`."""

    def summary(self, query: Query) -> pl.DataFrame:
        """Return the totals of a period and of the one before it."""
        ...

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period into groups."""
        ...

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Return a period as a time series."""
        ...

    def percentiles(
        self, query: Query, levels: Sequence[float], *, exact: bool, measures: Sequence[str]
    ) -> pl.DataFrame:
        """Return percentiles."""
        ...

    def events(self, query: Query) -> pl.DataFrame:
        """Return single calls."""
        ...


class LocalAnswers:
    """Answers queries from a ledger source in this process."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def summary(self, query: Query) -> pl.DataFrame:
        """Return the totals of a period and of the one before it."""
        return analytics.summary(self._source, query)

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period into groups."""
        return analytics.by(self._source, query)

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Return a period as a time series."""
        return analytics.timeseries(self._source, query)

    def percentiles(
        self, query: Query, levels: Sequence[float], *, exact: bool, measures: Sequence[str]
    ) -> pl.DataFrame:
        """Return percentiles."""
        return analytics.percentiles(self._source, query, levels, exact=exact, measures=measures)

    def events(self, query: Query) -> pl.DataFrame:
        """Return single calls."""
        return analytics.events(self._source, query)


def answers() -> Answers:
    """Return the backend for the settings in force.

    Calls made just before are handed over first, so that they are seen.  Without a server there is hardly anything to
    wait for: a call is in the journal before it returns, only streams that were left unread are settled.
    """
    from tokenbudget.recording import recorder

    recorder.flush(timeout=FLUSH_SECONDS)
    settings = config.current()
    if settings.url is None:
        from tokenbudget.ledger.local import local_source

        warn_of_missing(settings.home)
        return LocalAnswers(local_source(settings.home))
    from tokenbudget.client import Client

    return Client(settings.url, settings.api_key)
