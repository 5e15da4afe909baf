"""What no request may hold, whichever route it is for: the one check of path, query and headers, before routing.

What passes can be read as text by every route, stored, and written into a line of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from litestar.types import HTTPScope

from tokenbudget_server.web.problems import FieldError

LONGEST_PATH = 2_048
LONGEST_VALUE = 4_096
"""Bytes of a name or a value in the query of a URL, percent-encoded as it came."""
LONGEST_QUERY = 65_536
MOST_PARAMETERS = 1_000
LONGEST_HEADER = 16_384

_SHOWN = 64
_NUL = "holds U+0000, which no name and no text has: leave it out"
_NOT_UTF8 = "is not UTF-8 text that is percent-encoded"


def find_fault(scope: HTTPScope) -> FieldError | None:
    """Return what no route can take of a request: its field is ``path``, a parameter or a header; None if all is well.

    Examples
    --------
    >>> find_fault({"path": "/api/events", "query_string": b"model=%00", "headers": []}).field
    'model'
    """
    return next(_faults(scope), None)


def _faults(scope: HTTPScope) -> Iterator[FieldError]:
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    if reason := _of_text(path, LONGEST_PATH):
        yield FieldError(field="path", reason=reason)
    if query := scope["query_string"]:
        yield from _of_query(query)
    yield from _of_headers(scope["headers"])


def _of_query(query: bytes) -> Iterator[FieldError]:
    if len(query) > LONGEST_QUERY:
        yield FieldError(field="query", reason=f"is longer than {LONGEST_QUERY} bytes: ask for less at once")
        return
    parameters = query.split(b"&")
    if len(parameters) > MOST_PARAMETERS:
        yield FieldError(field="query", reason=f"has more than {MOST_PARAMETERS} parameters: ask for less at once")
        return
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if reason := _of_text(name, LONGEST_VALUE) or _of_text(value, LONGEST_VALUE):
            yield FieldError(field=_shown(name), reason=reason)


def _of_headers(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[FieldError]:
    for name, value in headers:
        if len(value) > LONGEST_HEADER:
            yield FieldError(field=_shown(name), reason=f"is a header longer than {LONGEST_HEADER} bytes: shorten it")


def _of_text(raw: bytes, longest: int) -> str | None:
    if len(raw) > longest:
        return f"is longer than {longest} bytes: shorten it"
    if b"%" not in raw and raw.isascii():
        return _NUL if b"\0" in raw else None
    try:
        return _NUL if "\0" in unquote_to_bytes(raw).decode() else None
    except UnicodeDecodeError:
        return _NOT_UTF8


def _shown(name: bytes) -> str:
    return unquote_to_bytes(name[:_SHOWN].replace(b"+", b" ")).decode("utf-8", "replace").replace("\0", "\ufffd")
