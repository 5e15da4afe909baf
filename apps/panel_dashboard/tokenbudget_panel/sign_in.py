"""Sign in with an API key: what stands between the dashboard and the network.

The key comes in the body of a form, is checked with the server that the dashboard asks, and stays in this process: the
browser keeps a random token, in a cookie that no script can read and that no other site's page sends along.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bokeh.server.auth_provider import AuthProvider
from bokeh.server.util import check_allowlist
from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

from tokenbudget.core.errors import AuthError, TokenBudgetError
from tokenbudget.notebook.question import question
from tokenbudget_panel import theme
from tokenbudget_panel.visitors import SECONDS, Visitor, client, visitors

COOKIE = "tokenbudget_panel"
VISITOR = "tokenbudget_visitor"
"""Attribute of a request: who sent it."""
_KEY = re.compile(r"tb_ak_[0-9a-f]{32}")
_PAGES = {"/", "/app", "/app/"}
_LARGEST_FORM = 4_096
_MOST_WAITING = 8
_BUSY, _REFUSED, _UNAVAILABLE = 429, 403, 503
_TEMPLATE = Template(Path(__file__).with_name("sign_in.html").read_text("utf-8"))
_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def get_user(handler: RequestHandler) -> str | None:
    """Return who sent a request, for `bokeh`; None sends them to the sign-in page.

    Raises
    ------
    tornado.web.HTTPError
        For what is not a page, and cannot be sent there: 401 without a sign-in, 403 for the web socket of another
        site's page.
    """
    visitor = visitors.find(handler.get_cookie(COOKIE))
    if isinstance(handler, WebSocketHandler):
        origin = handler.request.headers.get("Origin")
        if origin is not None and not handler.check_origin(origin):
            raise HTTPError(_REFUSED)
    if visitor is None:
        if handler.request.path not in _PAGES:
            raise HTTPError(401)
        return None
    setattr(handler.request, VISITOR, visitor)
    return "visitor"


def visitor_of(request: object) -> Visitor | None:
    """Return who sent the request that a page is made for."""
    found = getattr(request, VISITOR, None)
    return found if isinstance(found, Visitor) else None


class _Page(RequestHandler):
    """What both pages have in common: they are kept nowhere, and framed by nobody."""

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.clear_header("Server")

    def show(self, said: str, *, is_error: bool = False, following: str = "/") -> None:
        """Send the form, with what is to be said above it."""
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", _POLICY.format(nonce=nonce))
        kind = ' class="error" role="alert"' if is_error else ""
        self.finish(
            _TEMPLATE.substitute(
                nonce=nonce,
                wordmark=theme.WORDMARK,
                said=f"<p{kind}>{escape(said)}</p>",
                action=escape(self.request.path),
                next=escape(following),
                light=_variables(theme.LIGHT),
                dark=_variables(theme.DARK),
            )
        )

    def other_site(self) -> str | None:
        """Return where the page of another site is that sends a form."""
        origin = urlsplit(self.request.headers.get("Origin", "")).netloc.lower()
        allowed: list[str] = getattr(self.application, "websocket_origins", [])
        return None if "Origin" not in self.request.headers or check_allowlist(origin, allowed) else origin


@stream_request_body
class LoginHandler(_Page):
    """The sign-in page."""

    _checks = ThreadPoolExecutor(2, thread_name_prefix="sign-in")
    _waiting = 0

    def prepare(self) -> None:
        """Wait for a form, and for nothing larger."""
        self._form = b""
        if isinstance(connection := self.request.connection, HTTP1Connection):
            connection.set_max_body_size(_LARGEST_FORM)

    def data_received(self, chunk: bytes) -> None:
        """Take a piece of the form."""
        self._form += chunk

    def get(self) -> None:
        """Show the form."""
        self.show("Enter an API key: you see what it may see.", following=_path(self.get_query_argument("next", "/")))

    async def post(self) -> None:
        """Check the key, and let its holder in."""
        if (site := self.other_site()) is not None:
            self.set_status(_REFUSED)
            self.show(f"This Panel is not known as {site}: open it under another name, or start it with --origin.")
            return
        form = parse_qs(self._form.decode("ascii", "replace"), max_num_fields=4)
        key, following = form.get("key", [""])[0].strip(), _path(form.get("next", ["/"])[0])
        status, said = await self._check(key)
        if said:
            self.set_status(status)
            self.show(said, is_error=True, following=following)
            return
        visitors.dismiss(self.get_cookie(COOKIE))
        is_secure = "https" in (self.request.protocol, self.request.headers.get("X-Forwarded-Proto", "").lower())
        self.set_cookie(
            COOKIE,
            visitors.admit(key),
            httponly=True,
            samesite="Lax",
            secure=is_secure,
            path="/",
            max_age=int(SECONDS),
        )
        self.redirect(following, status=303)

    async def _check(self, key: str) -> tuple[int, str]:
        """Return a status and what is wrong with a key; nothing where it may read."""
        if not _KEY.fullmatch(key):
            return _REFUSED, "That is not an API key: they begin with tb_ak_."
        if LoginHandler._waiting >= _MOST_WAITING:
            return _BUSY, "Too many people sign in just now: try again in a few seconds."
        LoginHandler._waiting += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._checks, _read_with, key)
        except AuthError:
            return _REFUSED, "The server does not accept this key, or it may not read."
        except TokenBudgetError:
            return _UNAVAILABLE, "The server that knows the keys does not answer: try again later."
        finally:
            LoginHandler._waiting -= 1
        return 200, ""


class LogoutHandler(_Page):
    """Where one signs out."""

    def get(self) -> None:
        """Forget who came."""
        visitors.dismiss(self.get_cookie(COOKIE))
        self.clear_cookie(COOKIE, path="/")
        self.redirect("/login", status=303)


class KeySignIn(AuthProvider):
    """Has `bokeh` ask for the sign-in wherever it would show something."""

    @property
    def get_user(self) -> Callable[[Any], Any]:
        """Find who sent a request."""
        return get_user

    @property
    def login_url(self) -> str:
        """Where one signs in."""
        return "/login"

    @property
    def login_handler(self) -> type[RequestHandler]:
        """The page there."""
        return LoginHandler

    @property
    def logout_url(self) -> str:
        """Where one signs out."""
        return "/logout"

    @property
    def logout_handler(self) -> type[RequestHandler]:
        """What is done there."""
        return LogoutHandler


def _read_with(key: str) -> None:
    client(key).summary(question("24h"))


def _path(following: str) -> str:
    """Return a path of this site, whatever was asked for."""
    is_path = re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", following) and "\\" not in following
    return following if is_path else "/"


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--tb-{name}: {colour};" for name, colour in colours.items())
