"""Which pages of other origins may read answers: those of the setting ``TOKENBUDGET_ALLOWED_ORIGINS``, and no others.

They send an API key themselves, and never the browser's cookies.  Litestar's own way would replace the header ``Vary``,
by which browsers tell an answer as JSON from one as Arrow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from litestar.types import HTTPScope

ANY = "*"
_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Content-Encoding, If-Match, If-None-Match"),
    (b"access-control-max-age", b"600"),
)
_READABLE = (b"access-control-expose-headers", b"ETag, Retry-After, X-Next-Cursor")

Headers = list[tuple[bytes, bytes]]


def is_origin(text: str) -> bool:
    """Return whether a text is an origin as browsers send it: scheme, host and port, in lower case.

    Examples
    --------
    >>> is_origin("https://costs.example.org"), is_origin("https://costs.example.org/"), is_origin("costs.example.org")
    (True, False, False)
    """
    return _ORIGIN.fullmatch(text) is not None


class Cors:
    """The pages that may read answers.

    Parameters
    ----------
    origins : sequence of str
        Those of the pages, or ``*`` for all.
    """

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self._origins = {origin.encode() for origin in origins}

    def headers(self, scope: HTTPScope) -> Headers:
        """Return what an answer says to the page that asks; nothing where no page may."""
        if not self._origins:
            return []
        varies = (b"vary", b"Origin")
        origin = _header(scope, b"origin")
        if origin is None or not {origin, ANY.encode()} & self._origins:
            return [varies]
        return [varies, (b"access-control-allow-origin", origin), _READABLE]

    def preflight(self, scope: HTTPScope) -> Headers | None:
        """Return the headers that answer a CORS preflight; None if the request is not one that is allowed."""
        if scope["method"] != "OPTIONS" or _header(scope, b"access-control-request-method") is None:
            return None
        allowed = self.headers(scope)
        return [*allowed, *_PREFLIGHT] if _READABLE in allowed else None


def _header(scope: HTTPScope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
