"""Projects, keys, teams and users of a server, for whoever manages them without a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from tokenbudget.client.http import send


class AccountsClient:
    """Asks a server about accounts.

    Parameters
    ----------
    url : str
        ``http://…`` or ``https://…``, without a trailing slash.
    api_key : str or None
        One with the scope ``admin``.

    Raises
    ------
    ServerUnreachableError, AuthError, ServerError, QueryError
        From every method, if the server does not answer, or refuses.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        self._url = url
        self._api_key = api_key

    def rows(self, path: str) -> Iterator[dict[str, Any]]:
        """List what is at a path, of all pages."""
        path, _, query = path.partition("?")
        asked, cursor = parse_qsl(query), None
        while True:
            parameters = asked if cursor is None else [*asked, ("cursor", cursor)]
            page = send("GET", self._url, self._api_key, path, parameters=parameters)
            yield from page["rows"]
            if (cursor := page["next"]) is None:
                return

    def create(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Make something, and return it."""
        made: dict[str, Any] = send("POST", self._url, self._api_key, path, document)
        return made

    def change(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Change something, and return it."""
        changed: dict[str, Any] = send("PATCH", self._url, self._api_key, path, document)
        return changed

    def put(self, path: str, document: Mapping[str, Any]) -> None:
        """Have something be as a document says."""
        send("PUT", self._url, self._api_key, path, document)

    def delete(self, path: str) -> None:
        """End something."""
        send("DELETE", self._url, self._api_key, path)
