"""The cookies of a session, and what a request that carries one has to prove.

Behind TLS the cookie's name begins with ``__Host-``: another host of the same domain cannot set it.  The page reads a
second cookie and sends its value back in a header, which a page of another origin can do neither of.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler

from tokenbudget_server.web.methods import SAFE_METHODS
from tokenbudget_server.web.problems import ProblemError

HEADER = "X-CSRF-Token"
_SESSION, _CSRF = "tokenbudget_session", "tokenbudget_csrf"
_SECURE = "__Host-"
TOKEN = "tb_st_"  # noqa: S105 - how each begins
"""How a session's token begins, which is sent in the header ``Authorization`` and in no cookie."""
_BEARER = "bearer"

_Connection = ASGIConnection[Any, Any, Any, Any]


class SessionCookie(NamedTuple):
    """What a browser proves its session with."""

    name: str
    secret: str

    @property
    def hash(self) -> str:
        """What is stored; it includes the name, so a secret of the ``__Host-`` cookie is not valid under another."""
        return sha256(f"{self.name}:{self.secret}".encode()).hexdigest()

    @property
    def csrf_token(self) -> str:
        """What requests that change something carry in the header `HEADER`."""
        return sha256(f"csrf:{self.secret}".encode()).hexdigest()


def make_cookie(connection: _Connection, secret: str) -> SessionCookie:
    """Name the cookie of a new session by how the browser reached us, which its ``Origin`` says."""
    is_secure = connection.headers.get("origin", "").startswith("https://")
    return SessionCookie(f"{_SECURE if is_secure else ''}{_SESSION}", secret)


def read_cookie(connection: _Connection) -> SessionCookie | None:
    """Return the session's cookie of a request; None where it carries none."""
    for name in (_SECURE + _SESSION, _SESSION):
        if secret := connection.cookies.get(name):
            return SessionCookie(name, secret)
    return None


def read_token(connection: _Connection) -> SessionCookie | None:
    """Return the session's token of a request, in the form of a cookie; None where it carries none."""
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    return token_of(text.strip()) if scheme.lower() == _BEARER and text.strip().startswith(TOKEN) else None


def token_of(text: str) -> SessionCookie:
    """Return a token in the form of a cookie; its hash is that of no cookie."""
    return SessionCookie(_BEARER, text)


def cookies_for(cookie: SessionCookie | None, seconds: int) -> list[Cookie]:
    """Return the cookies that begin a session; without one, those that end whichever there is."""
    if cookie is None:
        return [_cookie(prefix, name, "", 0) for prefix in ("", _SECURE) for name in (_SESSION, _CSRF)]
    prefix = _SECURE if cookie.name.startswith(_SECURE) else ""
    return [_cookie(prefix, _SESSION, cookie.secret, seconds), _cookie(prefix, _CSRF, cookie.csrf_token, seconds)]


def refuse_forged(connection: _Connection, _: BaseRouteHandler) -> None:
    """Refuse what a page of another origin may have had the browser send, whatever else the request carries.

    Raises
    ------
    ProblemError
        403 where the request changes something, carries a session's cookie, and does not come from our own page.
    """
    if connection.scope.get("method") in SAFE_METHODS or (cookie := read_cookie(connection)) is None:
        return
    given = connection.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(), cookie.csrf_token.encode()):
        raise ProblemError(403, f"a request with the cookie of a session must carry its token in the header {HEADER}")
    refuse_foreign(connection, needs_origin=True)


def refuse_foreign(connection: _Connection, *, needs_origin: bool) -> None:
    """Refuse what comes from a page of another origin.

    Raises
    ------
    ProblemError
        403.
    """
    origin = connection.headers.get("origin")
    if origin is None and not needs_origin:
        return
    parts = urlsplit(origin or "")
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != connection.headers.get("host", "").lower():
        raise ProblemError(403, "the request comes from a page of another origin (its header Origin says so)")


def _cookie(prefix: str, name: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=prefix + name,
        value=value,
        path="/",
        max_age=seconds,
        httponly=name == _SESSION,
        samesite="lax",
        secure=bool(prefix),
    )
