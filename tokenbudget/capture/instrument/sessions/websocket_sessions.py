"""Sessions over a web socket: read each message of the server on its way to the caller.

A session is not a call; each response in it is one.  A `SessionProtocol` knows which messages begin and end a response.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import Any

import msgspec

from tokenbudget.capture import seen_ids
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.tagging import tags_in_force
from tokenbudget.capture.usage.fields import NONE, Fields
from tokenbudget.diagnostics import internal_errors
from tokenbudget.recording import recorder


class MessageHead(msgspec.Struct):
    """What tells a message from others; it is all that is decoded of most of them.

    Attributes
    ----------
    type : str
        What it says.
    stream_id : str or None
        Which of several responses at a time it belongs to.
    response_id : str or None
        Which response it belongs to.
    """

    type: str = ""
    stream_id: str | None = None
    response_id: str | None = None


_head = msgspec.json.Decoder(MessageHead).decode
_decode = msgspec.json.Decoder().decode


class SessionProtocol:
    """How the messages of one kind of session are read; a provider file derives its own."""

    is_told = True
    """Whether messages say by their type what they are."""

    def wants(self, head: MessageHead) -> bool:
        """Return whether a message has to be looked into."""
        raise NotImplementedError

    def text_size(self, session: Session, head: MessageHead) -> None:
        """Take note of a message that does not have to be looked into."""

    def take(self, session: Session, head: MessageHead, message: Fields) -> None:
        """Take a message into account."""
        raise NotImplementedError

    def closed(self, session: Session) -> None:
        """Take note that the session is over, before what is still open in it is recorded as left."""


class Session:
    """A session in progress.

    Parameters
    ----------
    protocol : SessionProtocol
    provider : str
        Who bills it.
    region : str or None
        Where it runs.
    model : str or None
        The model asked for.
    joins : bool
        Whether it joins a session that another connection opened.

    Attributes
    ----------
    asked, model : str or None
        The model asked for, and the one that the server names.
    calls : dict of str to Call
        Responses in progress.
    kept : dict
        What the protocol keeps in mind.
    """

    def __init__(
        self, protocol: SessionProtocol, provider: str, region: str | None, model: str | None, *, joins: bool = False
    ) -> None:
        self.model = self.asked = model
        self.calls: dict[str, Call] = {}
        self.kept: dict[str, Any] = {}
        self._protocol = protocol
        self._provider = provider
        self._region = region
        self._joins = joins
        self._tags = tags_in_force()
        recorder.watch_stream(self)

    def take(self, data: bytes | str) -> None:
        """Take a message of the server's into account; never raises."""
        try:
            protocol = self._protocol
            head = _head(data) if protocol.is_told else MessageHead()
            if protocol.wants(head):
                message = _decode(data)
                if isinstance(message, dict):
                    protocol.take(self, head, message)
            else:
                protocol.text_size(self, head)
        except msgspec.DecodeError:  # not one of the provider's: the caller's to see
            pass
        except Exception as error:  # noqa: BLE001 (never into the caller's loop)
            internal_errors.swallow("capture.session", error)

    def begin(self, key: str, api: Api) -> Call:
        """Start a call of the session's model, which messages of this key belong to from now on."""
        self.calls[key] = call = self._make(api, self.asked or self.model)
        return call

    def answered(self, key: str, api: Api, answer: Fields, name: Any, *, model: str | None = None) -> None:
        """Record an answer.

        Parameters
        ----------
        key : str
            Of the call it answers; one that was not begun is recorded all the same.
        api : Api
        answer : mapping
        name : object
            Id of the answer for all who joined the session; None if no other client can join it.
        model : str, optional
            The model asked for, where that is not known to the call.
        """
        call = self.calls.pop(key, None)
        if call is None:
            call = self._make(api, model)
            call.started_ns = 0  # when it began is not known
        if name is None or self._is_new(str(name)):
            call.answered(answer)
        else:
            call.done = True

    def drop(self, key: str) -> None:
        """Forget a call that turned out to be none."""
        if call := self.calls.pop(key, None):
            call.done = True

    def _make(self, api: Api, model: str | None) -> Call:
        call = Call(api, self._provider, NONE, model, self._region)
        call.tags = call.tags or self._tags
        return call

    def _is_new(self, name: str) -> bool:
        """Return whether no other connection has stated this: several can join a session, in this process too."""
        opened, joined = f"session {name}", f"joined session {name}"
        if self._joins:
            return seen_ids.remember(joined) and not seen_ids.seen(opened)
        seen_ids.remember(opened)
        return not seen_ids.seen(joined)

    def close(self, error: BaseException | None = None) -> None:
        """Record what is still open; never raises."""
        try:
            self._protocol.closed(self)
        except Exception as fault:  # noqa: BLE001
            internal_errors.swallow("capture.session", fault)
        calls, self.calls = self.calls, {}
        for call in calls.values():
            call.cut(error)

    def settle(self, *, every: bool) -> None:
        """Record what is open, if nothing more is waited for."""
        if every:
            self.close()

    def __del__(self) -> None:
        self.close()


def listen(connection: Any, session: Session, *, receive: str, closes: str | None = None) -> None:
    """Have a session read along what a connection receives, by one method, and notice that it closes, by another.

    Ours are put on this one object.  They know it weakly, so that a connection which is dropped is noticed.
    """
    reference = weakref.ref(connection)
    receiving = _areceiving if inspect.iscoroutinefunction(getattr(connection, receive)) else _receiving
    setattr(connection, receive, functools.partial(receiving, reference, type(connection), receive, session))
    if closes is not None:
        closing = _aclosing if inspect.iscoroutinefunction(getattr(connection, closes)) else _closing
        setattr(connection, closes, functools.partial(closing, reference, type(connection), closes, session))


def _receiving(reference: Any, cls: Any, name: str, session: Session, *args: Any, **kwargs: Any) -> Any:
    try:
        data = getattr(cls, name)(reference(), *args, **kwargs)
    except BaseException as error:
        _left(session, error)
        raise
    session.take(data)
    return data


async def _areceiving(reference: Any, cls: Any, name: str, session: Session, *args: Any, **kwargs: Any) -> Any:
    try:
        data = await getattr(cls, name)(reference(), *args, **kwargs)
    except BaseException as error:
        _left(session, error)
        raise
    session.take(data)
    return data


def _left(session: Session, error: BaseException) -> None:
    """Close a session whose connection is closed; a wait that is cancelled or timed out goes on when it is taken up."""
    if type(error).__name__.startswith("ConnectionClosed"):
        session.close()


def _closing(reference: Any, cls: Any, name: str, session: Session, *args: Any, **kwargs: Any) -> Any:
    try:
        return getattr(cls, name)(reference(), *args, **kwargs)
    finally:
        session.close()


async def _aclosing(reference: Any, cls: Any, name: str, session: Session, *args: Any, **kwargs: Any) -> Any:
    try:
        return await getattr(cls, name)(reference(), *args, **kwargs)
    finally:
        session.close()
