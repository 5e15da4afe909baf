"""Detect the web-socket connections that a client's resources open.

A resource's ``connect`` returns a manager, which returns the connection when it is entered.  Classes of resources are
loaded on first use; each is patched when it is created.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.sdk_spec import MARK
from tokenbudget.capture.instrument.sessions.websocket_sessions import Session, SessionProtocol, listen
from tokenbudget.diagnostics import internal_errors
from tokenbudget.diagnostics.unmeasured import Unmeasured, note

_ENTERING = ("__enter__", "__aenter__", "enter")


def _opens(asked: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return False


class Connect:
    """How the sessions of a resource are read.

    Parameters
    ----------
    protocol : SessionProtocol
    api : Api
        What is measured in them.
    joins : callable
        ``joins(asked)``: whether a connection asked for with these arguments joins a session that another one opened.
    """

    def __init__(
        self, protocol: SessionProtocol, api: Api, *, joins: Callable[[Mapping[str, Any]], bool] = _opens
    ) -> None:
        self.api = api
        self._protocol = protocol
        self._joins = joins

    def session(self, provider: str, region: str | None, asked: Mapping[str, Any]) -> Session:
        """Start observing a session."""
        model = asked.get("model")
        named = model if isinstance(model, str) else None
        return Session(self._protocol, provider, region, named, joins=self._joins(asked))


class Opening:
    """A ``connect`` of an SDK that no common base class makes.

    Parameters
    ----------
    owner : str
        Full name of the class that has it; versions without it are left alone.
    start : callable
        ``start(owner, args, kwargs)`` gives the session; `Unmeasured` where it is billed and not measured.
    marked : callable
        ``marked(owner)``: the object whose mark says that the client is wrapped.
    socket : callable
        ``socket(connection)``: the web socket inside, which has ``recv`` and ``close``.
    is_context : bool
        Whether it gives an asynchronous context manager, and not the connection itself.
    """

    def __init__(
        self,
        owner: str,
        start: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Session | Unmeasured],
        *,
        marked: Callable[[Any], Any],
        socket: Callable[[Any], Any],
        is_context: bool = False,
    ) -> None:
        self.owner = owner
        self.marked = marked
        self._start = start
        self._socket = socket
        self._is_context = is_context

    def wrapper(self, original: Any, is_observed: Callable[[Any], bool], package: str) -> Any:
        """Wrap the method."""

        def start(self_: Any, args: Any, kwargs: Any) -> Session | None:
            try:
                session = self._start(self_, args, kwargs) if is_observed(self.marked(self_)) else None
                if not isinstance(session, Unmeasured):
                    return session
                note(package, session)
            except Exception as error:  # noqa: BLE001 (never into the host program)
                internal_errors.swallow("capture.connect", error)
            return None

        @functools.wraps(original)
        async def opening(self_: Any, *args: Any, **kwargs: Any) -> Any:
            session = start(self_, args, kwargs)
            return self._listen(await original(self_, *args, **kwargs), session)

        @functools.wraps(original)
        @contextlib.asynccontextmanager
        async def entering(self_: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            session = start(self_, args, kwargs)
            async with original(self_, *args, **kwargs) as connection:
                yield self._listen(connection, session)

        return entering if self._is_context else opening

    def _listen(self, connection: Any, session: Session | None) -> Any:
        try:
            if session is not None:
                listen(self._socket(connection), session, receive="recv", closes="close")
        except Exception as error:  # noqa: BLE001
            internal_errors.swallow("capture.connect", error)
        return connection


Start = Callable[[Any, Connect | Unmeasured, Mapping[str, Any]], Callable[[], Session] | None]
"""``start(client, connect, asked)`` gives what starts the session that a client connects to, if it is observed."""


def notice(base: Any, connects: Mapping[str, Connect | Unmeasured], start: Start) -> None:
    """Notice what the resources connect that derive from a class."""

    def made(cls: Any, /, **more: Any) -> None:
        super(base, cls).__init_subclass__(**more)
        _notice_one(cls, connects, start)

    base.__init_subclass__ = classmethod(made)
    for cls in base.__subclasses__():
        _notice_one(cls, connects, start)


def _notice_one(cls: Any, connects: Mapping[str, Connect | Unmeasured], start: Start) -> None:
    connect = connects.get(cls.__name__.removeprefix("Async"))
    original = cls.__dict__.get("connect")
    if connect is None or original is None:
        return

    @functools.wraps(original)
    def connecting(self: Any, *args: Any, **kwargs: Any) -> Any:
        manager = original(self, *args, **kwargs)
        try:
            starting = start(self._client, connect, kwargs)
            if starting is not None:
                manager.__dict__[MARK] = starting
                _notice_entering(type(manager))
        except Exception as error:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("capture.connect", error)
        return manager

    cls.connect = connecting


def _notice_entering(cls: Any) -> None:
    for name in _ENTERING:
        original = cls.__dict__.get(name)
        if original is not None and not hasattr(original, "__wrapped__"):
            setattr(cls, name, (_aentering if inspect.iscoroutinefunction(original) else _entering)(original))


def _entering(original: Any) -> Any:
    @functools.wraps(original)
    def entering(self: Any) -> Any:
        return _observe(self, original(self))

    return entering


def _aentering(original: Any) -> Any:
    @functools.wraps(original)
    async def entering(self: Any) -> Any:
        return _observe(self, await original(self))

    return entering


def _observe(manager: Any, connection: Any) -> Any:
    try:
        starting = manager.__dict__.get(MARK)
        if starting is not None:
            listen(connection, starting(), receive="recv_bytes", closes="close")
    except Exception as error:  # noqa: BLE001
        internal_errors.swallow("capture.connect", error)
    return connection
