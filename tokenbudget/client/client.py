"""The queries of `tokenbudget.analytics`, answered by a server with the same frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import polars as pl

from tokenbudget.analytics import answers, listing, repricing
from tokenbudget.client.http import Parameters, get_arrow, post
from tokenbudget.core.errors import ServerError
from tokenbudget.core.query import DIMENSIONS, Query
from tokenbudget.ledger.schema import SERVER_SCHEMA, ordered

_ALL_GROUPS = 10_000
_PAGE = 10_000
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""Without this check, a stream that ended early would be taken for a shorter one."""
_REPRICING_SECONDS = 3_600.0


class Client:
    """Client of a TokenBudget server.

    Each method takes a `Query` and returns the frame that the function of its name in `tokenbudget.analytics` returns.

    Parameters
    ----------
    url : str
        URL of the server, without a trailing slash.
    api_key : str or None
        ``tb_ak_…``

    Raises
    ------
    ServerUnreachableError, AuthError, ServerError
        From every method, if the server does not answer, or refuses the request.
    PeriodError, QueryError
        From every method, if the period, or another part of the query, is not valid.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        self._url = url
        self._api_key = api_key

    def summary(self, query: Query) -> pl.DataFrame:
        """Return the totals of a period and of the one before it."""
        return self._frame("/api/analytics/summary", _parameters(query))[0]

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period into groups: at most the 10,000 largest, the rest combined into ``other``."""
        parameters = [*_parameters(query), ("limit", str(query.limit or _ALL_GROUPS))]
        return self._frame("/api/analytics/query", parameters)[0]

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Return a period as a time series."""
        parameters = _parameters(query)
        if query.interval is not None:
            parameters.append(("interval", query.interval))
        if query.limit is not None:
            parameters.append(("limit", str(query.limit)))
        return self._frame("/api/analytics/timeseries", parameters)[0]

    def percentiles(
        self, query: Query, levels: Sequence[float], *, exact: bool, measures: Sequence[str]
    ) -> pl.DataFrame:
        """Return percentiles of cost, latency and time to first token."""
        how = [("exact", str(exact).lower()), *(("measure", name) for name in measures)]
        parameters = [*_parameters(query), *(("level", repr(float(level))) for level in levels), *how]
        return self._frame("/api/analytics/percentiles", parameters)[0]

    def events(self, query: Query) -> pl.DataFrame:
        """Return single calls, the newest first."""
        pages = [self._frame("/api/events", _parameters(query))[0]] if query.limit is None else self._pages(query)
        listed = listing.used(pl.concat(pages, how="diagonal")).drop(SERVER_SCHEMA)
        return listed.select(ordered(listed.columns))

    def coverage(self, query: Query) -> pl.DataFrame:
        """Return the calls without a price, by reason."""
        return self._frame("/api/analytics/coverage", _parameters(query))[0]

    def reprice(self, query: Query, *, dry_run: bool) -> pl.DataFrame:
        """Price the calls of a period again; return the frame of `tokenbudget.analytics.repricing.difference`."""
        asked = {"period": query.period.name, "tz": query.period.tz, "dry_run": dry_run}
        body = post(self._url, self._api_key, "/api/reprice", asked, _REPRICING_SECONDS)
        return repricing.frame(self._read(body, "rows")["rows"])

    def _pages(self, query: Query) -> Iterator[pl.DataFrame]:
        cursor, wanted = None, query.limit or 0
        while wanted:
            limit = ("limit", str(min(wanted, _PAGE)))
            page, cursor = self._frame(
                "/api/events", [*_parameters(query), limit, *([("cursor", cursor)] if cursor else [])]
            )
            yield page
            wanted = wanted - page.height if cursor else 0

    def _frame(self, path: str, parameters: Parameters) -> tuple[pl.DataFrame, str | None]:
        body, cursor = get_arrow(self._url, self._api_key, path, parameters)
        try:
            frame = pl.read_ipc_stream(body)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._not_understood(error) from error
        if not body.endswith(_END_OF_STREAM):
            raise self._not_understood("its end is missing")
        return frame, cursor

    def _read(self, body: bytes, *fields: str) -> answers.Document:
        try:
            document = answers.decode(body)
        except msgspec.DecodeError as error:
            raise self._not_understood(error) from error
        if missing := [name for name in fields if name not in document]:
            raise self._not_understood(f"it has no {', '.join(missing)}")
        return document

    def _not_understood(self, error: object) -> ServerError:
        msg = f"the answer of {self._url} cannot be read ({error}): is it a TokenBudget server of this version?"
        return ServerError(msg)


def _parameters(query: Query) -> list[tuple[str, str]]:
    # A tag may have the name of a parameter: the prefix tells them apart.
    names = {name: name if name in DIMENSIONS or name.startswith("tag.") else f"tag.{name}" for name in query.filters}
    filters = [(names[name], value) for name, values in query.filters.items() for value in values]
    return [("period", query.period.name), ("tz", query.period.tz), *(("by", name) for name in query.by), *filters]
