"""Who answers: the journal on this machine, or the server that is configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from tokenbudget import analytics, config
from tokenbudget.core.query import Query
from tokenbudget.ledger.schema import Source
from tokenbudget.notebook.missing import warn_of_missing

FLUSH_SECONDS = 3.0
"""How long a question waits for calls that were just made to reach the server."""


class Answers(Protocol):
    """Answers questions with the frames of `tokenbudget.analytics`."""

    def summary(self, query: Query) -> pl.DataFrame:
        """Sum up a period and the one before it."""
        ...

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period."""
        ...

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Follow a period."""
        ...

    def percentiles(
        self, query: Query, levels: Sequence[float], *, exact: bool, measures: Sequence[str]
    ) -> pl.DataFrame:
        """Return percentiles."""
        ...

    def events(self, query: Query) -> pl.DataFrame:
        """List single calls."""
        ...


class LocalAnswers:
    """Answers from a ledger source in this process."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def summary(self, query: Query) -> pl.DataFrame:
        """Sum up a period and the one before it."""
        return analytics.summary(self._source, query)

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period."""
        return analytics.by(self._source, query)

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Follow a period."""
        return analytics.timeseries(self._source, query)

    def percentiles(
        self, query: Query, levels: Sequence[float], *, exact: bool, measures: Sequence[str]
    ) -> pl.DataFrame:
        """Return percentiles."""
        return analytics.percentiles(self._source, query, levels, exact=exact, measures=measures)

    def events(self, query: Query) -> pl.DataFrame:
        """List single calls."""
        return analytics.events(self._source, query)


def answers() -> Answers:
    """Find who answers under the settings in force.

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
