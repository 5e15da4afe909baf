"""Who looks at the dashboard where it asks for a key: what each may see, and until when."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tokenbudget import config
from tokenbudget.client import Client
from tokenbudget.core.errors import AuthError, ConfigError
from tokenbudget_panel.answers import Desk

SECONDS = 12 * 3_600.0
"""How long one stays signed in."""
_MOST = 1_000
_MOST_PER_KEY = 20
_VIEWS_KEPT = 16


@dataclass
class Visitor:
    """Somebody who signed in.

    Attributes
    ----------
    key : str
        The API key; it stays in this process.
    until : float
        By the clock of `Visitors`; in the past once signed out.
    desk : Desk
        Answers with what the key may see.
    """

    key: str = field(repr=False)
    until: float
    desk: Desk = field(repr=False)


class Visitors:
    """Those who signed in, by a token that only their browsers know; thread-safe.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Visitor] = OrderedDict()

    def admit(self, key: str) -> str:
        """Let in the holder of a key that was checked; return the token."""
        token = secrets.token_urlsafe(32)
        visitor = Visitor(key, self._clock() + SECONDS, Desk(_VIEWS_KEPT))
        visitor.desk.ask = partial(self._ask, visitor)
        with self._lock:
            self._known[token] = visitor
            same = [each for each, other in self._known.items() if other.key == key]
            for each in [*same[:-_MOST_PER_KEY], *[*self._known][:-_MOST]]:
                self._drop(each)
        return token

    def find(self, token: str | None) -> Visitor | None:
        """Return who came with a token; None for nobody, or one who has been in for too long."""
        with self._lock:
            visitor = self._known.get(token or "")
            if visitor is not None and visitor.until <= self._clock():
                self._drop(token or "")
                return None
            return visitor

    def dismiss(self, token: str | None) -> None:
        """Sign out; pages that are open still show what they have, and get no more."""
        with self._lock:
            self._drop(token or "")

    def _drop(self, token: str) -> None:
        if visitor := self._known.pop(token, None):
            visitor.until = float("-inf")

    def _ask(self, visitor: Visitor) -> Client:
        if visitor.until <= self._clock():
            raise AuthError("signed out", 401)
        return client(visitor.key)


def client(key: str) -> Client:
    """Return what asks the server with a visitor's key.

    Raises
    ------
    ConfigError
        If there is no server to ask.
    """
    url = config.current().url
    if url is None:
        raise ConfigError("this dashboard has no server that knows API keys: start it with TOKENBUDGET_URL set")
    return Client(url, key)


visitors = Visitors()
"""The process's."""


def nobody() -> Desk:
    """Return a desk for a page that nobody signed in for: it answers nothing."""

    def refuse() -> Client:
        raise AuthError("nobody signed in", 401)

    closed = Desk()
    closed.ask = refuse
    return closed
