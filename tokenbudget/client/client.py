"""The questions of `tokenbudget.analytics`, asked of a server: the same frames, whoever answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from tokenbudget.analytics import answers, coverage, listing, repricing
from tokenbudget.client.http import Parameters, get, post
from tokenbudget.core.errors import ServerError
from tokenbudget.core.event import Event
from tokenbudget.core.query import DIMENSIONS, Query
from tokenbudget.ledger.schema import INSTANT, empty, to_frame

_ALL_GROUPS = 10_000
_PAGE = 1_000
_FLOAT = pl.Float64()
_REPRICING_SECONDS = 3_600.0


class _Page(msgspec.Struct):
    rows: list[Event]
    next: str | None = None


class Client:
    """Asks a TokenBudget server.

    Every method takes a `Query` and gives the frame that the function of that name in `tokenbudget.analytics` gives.

    Parameters
    ----------
    url : str
        ``http://…`` or ``https://…``, without a trailing slash.
    api_key : str or None
        ``tb_ak_…``

    Raises
    ------
    ServerUnreachableError, AuthError, ServerError
        From every method, if the server does not answer.
    QueryError
        From every method, if the server does not understand the question.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        self._url = url
        self._api_key = api_key

    def summary(self, query: Query) -> pl.DataFrame:
        """Sum up a period and the one before it."""
        document = self._ask("/api/analytics/summary", _parameters(query), "summary", "previous")
        rows = answers.frame([document["summary"], document["previous"]])
        return rows.select(pl.Series("span", ["current", "previous"]), pl.all())

    def by(self, query: Query) -> pl.DataFrame:
        """Split a period; at most the 10,000 largest groups by name, the rest as ``other``."""
        parameters = [*_parameters(query), ("limit", str(query.limit or _ALL_GROUPS))]
        document = self._ask("/api/analytics/query", parameters, "by", "rows")
        frame = answers.frame(document["rows"], document["by"], {"share": _FLOAT})
        return frame.select(pl.exclude("share"), "share")

    def timeseries(self, query: Query) -> pl.DataFrame:
        """Follow a period."""
        parameters = _parameters(query)
        if query.interval is not None:
            parameters.append(("interval", query.interval))
        if query.limit is not None:
            parameters.append(("limit", str(query.limit)))
        document = self._ask("/api/analytics/timeseries", parameters, "by", "rows")
        return answers.frame(document["rows"], document["by"], {"bucket": INSTANT})

    def percentiles(self, query: Query, levels: Sequence[float]) -> pl.DataFrame:
        """Give percentiles."""
        parameters = [*_parameters(query), *(("level", repr(float(level))) for level in levels)]
        document = self._ask("/api/analytics/percentiles", parameters, "by", "rows")
        return answers.percentiles_frame(document["rows"], document["by"], levels)

    def events(self, query: Query) -> pl.DataFrame:
        """List single calls, the newest first."""
        frames = []
        cursor, wanted = None, query.limit
        while True:
            size = _PAGE if wanted is None else min(wanted, _PAGE)
            page = self._page(query, size, cursor)
            frames.append(to_frame(page.rows))
            cursor = page.next
            wanted = None if wanted is None else wanted - len(page.rows)
            if cursor is None or wanted == 0:
                return listing.presented(pl.concat([empty(), *frames], how="diagonal"))

    def coverage(self, query: Query) -> pl.DataFrame:
        """Say which calls have no price."""
        return coverage.frame(self._ask("/api/analytics/coverage", _parameters(query), "rows")["rows"])

    def reprice(self, query: Query, *, dry_run: bool) -> pl.DataFrame:
        """Price a period's calls again, as `tokenbudget.analytics.repricing.difference` tells it."""
        asked = {"period": query.period.name, "tz": query.period.tz, "dry_run": dry_run}
        body = post(self._url, self._api_key, "/api/reprice", asked, _REPRICING_SECONDS)
        return repricing.frame(self._read(body, "rows")["rows"])

    def _page(self, query: Query, size: int, cursor: str | None) -> _Page:
        parameters = [*_parameters(query), ("limit", str(size)), *([("cursor", cursor)] if cursor else [])]
        return self._decode(get(self._url, self._api_key, "/api/events", parameters), _Page)

    def _ask(self, path: str, parameters: Parameters, *fields: str) -> answers.Document:
        return self._read(get(self._url, self._api_key, path, parameters), *fields)

    def _read(self, body: bytes, *fields: str) -> answers.Document:
        try:
            document = answers.decode(body)
        except msgspec.DecodeError as error:
            raise self._not_understood(error) from error
        if missing := [name for name in fields if name not in document]:
            raise self._not_understood(f"it has no {', '.join(missing)}")
        return document

    def _decode(self, body: bytes, type_: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=type_)
        except msgspec.DecodeError as error:
            raise self._not_understood(error) from error

    def _not_understood(self, error: object) -> ServerError:
        msg = f"the answer of {self._url} cannot be read ({error}): is it a TokenBudget server of this version?"
        return ServerError(msg)


def _parameters(query: Query) -> list[tuple[str, str]]:
    # A tag may have the name of a parameter: with its prefix it is never taken for one.
    names = {name: name if name in DIMENSIONS or name.startswith("tag.") else f"tag.{name}" for name in query.filters}
    filters = [(names[name], value) for name, values in query.filters.items() for value in values]
    return [("period", query.period.name), ("tz", query.period.tz), *(("by", name) for name in query.by), *filters]
