"""Streams: read each item on its way to the caller, and detect how the stream ended.

`Items` and `AsyncItems` stand between a client's stream object and its own iterator.  A stream ends in one of these
ways, and each is recorded once: read to its end, broken by an exception, closed (`on_close`), or dropped.  A loop left
by ``break`` may be taken up again, so it counts as ended only when the stream is closed or dropped, or when
``tb.flush()`` or the interpreter's exit settles it.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import partial
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.usage.fields import fields
from tokenbudget.diagnostics import internal_errors
from tokenbudget.recording import recorder

Hide = Callable[[Any], bool]
"""``hide(item)``: whether an item that states usage is there only because we asked for it."""


class Watched:
    """A stream or body in progress that may be left early: decides when it has ended."""

    __slots__ = ("__weakref__", "_call", "_reading")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reading = False
        recorder.watch_stream(self)

    def on_close(self) -> None:
        """Take note that the response was closed: by the reader itself at its end, or by the caller early."""
        if not self._reading:
            self._call.cut()

    def settle(self, *, every: bool) -> None:
        """Record it if it was left; with `every`, however it stands."""
        if every:
            self._call.cut()

    def __del__(self) -> None:
        self._call.cut()


class _Loop(Watched):
    """What both kinds of streams share.

    Attributes
    ----------
    steps : generator
        Gives the items.  It does not know the object that it is an attribute of, so that dropping that is noticed.
    """

    __slots__ = ("_left", "_loop", "steps")

    def __init__(self, steps: Any, call: Call) -> None:
        self._left = False
        self._loop: weakref.ref[Any] | None = None
        self.steps = steps
        super().__init__(call)

    def follow(self, loop: Any) -> None:
        """Detect the end of a loop over the stream: the client's generator is then garbage."""
        self._loop = weakref.ref(loop)

    def settle(self, *, every: bool) -> None:
        """Record the stream if its loop was left; with `every`, however it stands."""
        super().settle(every=every or self._left or (self._loop is not None and self._loop() is None))


class Items(_Loop):
    """A plain stream's items, observed."""

    __slots__ = ()

    def __init__(self, inner: Any, call: Call, hide: Hide | None = None) -> None:
        super().__init__(_steps(inner, call, hide), call)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self.steps)

    def on_close(self) -> None:
        """Take note that the response was closed: by the reader itself at its end, or by the caller early."""
        if not self.steps.gi_running:
            self._call.cut()

    def loop(self, inner: Iterator[Any]) -> Generator[Any, None, None]:
        """Run the stream object's own loop, noticing when it is left."""
        self._left = False
        try:
            yield from inner
        finally:
            self._left = True


def _steps(inner: Any, call: Call, hide: Hide | None) -> Generator[Any, None, None]:
    """Return the items of `inner`: a generator, as that costs least for each of them."""
    text_size, take = call.api.text_size, call.item
    try:
        for item in inner:
            if call.written and (written := text_size(item)):
                call.written += written
            elif take(item) and hide is not None and is_hidden(item, hide):
                continue
            if hide is not None:
                _leave_out_null(item)
            yield item
    except GeneratorExit:
        call.cut()
        raise
    except BaseException as error:
        call.cut(error)
        raise
    call.finished()


class AsyncItems(_Loop):
    """An asynchronous stream's items, observed."""

    __slots__ = ()

    def __init__(self, inner: Any, call: Call, hide: Hide | None = None) -> None:
        super().__init__(_async_steps(inner, call, hide), call)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await anext(self.steps)

    def on_close(self) -> None:
        """Take note that the response was closed: by the reader itself at its end, or by the caller early."""
        if not self.steps.ag_running:
            self._call.cut()

    async def loop(self, inner: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        """Run the stream object's own loop, noticing when it is left."""
        self._left = False
        try:
            async for item in inner:
                yield item
        finally:
            self._left = True


async def _async_steps(inner: Any, call: Call, hide: Hide | None) -> AsyncGenerator[Any, None]:
    """Return the items of `inner`."""
    text_size, take = call.api.text_size, call.item
    try:
        async for item in inner:
            if call.written and (written := text_size(item)):
                call.written += written
            elif take(item) and hide is not None and is_hidden(item, hide):
                continue
            if hide is not None:
                _leave_out_null(item)
            yield item
    except GeneratorExit:
        call.cut()
        raise
    except BaseException as error:
        call.cut(error)
        raise
    call.finished()


def is_hidden(item: Any, hide: Hide) -> bool:
    """Return whether an item that states usage is not for the caller."""
    try:
        return hide(item)
    except Exception as error:  # noqa: BLE001 (never into the caller's loop: an odd chunk is the caller's to see)
        internal_errors.swallow("capture.hide", error)
        return False


def is_usage_alone(chunk: Any) -> bool:
    """Return whether a chunk that states usage is the one that the option causes, which has no choices.

    A server that sends usage in a chunk with a choice, even an empty one, does so unasked, or does no harm with it.

    Examples
    --------
    >>> is_usage_alone({"choices": [], "usage": {"prompt_tokens": 1}})
    True
    >>> is_usage_alone({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 1}})
    False
    """
    return not fields(chunk).get("choices")  # Some servers leave them out instead.


def _leave_out_null(chunk: Any) -> None:
    """Take the ``"usage": null`` from a chunk that it has because usage was asked for."""
    try:
        if chunk.usage is None:
            chunk.model_fields_set.discard("usage")
    except AttributeError:  # there is none
        return


def notice_close(body: Any, watched: Watched) -> None:
    """Tell `watched` when the byte stream of an HTTP response is closed: by its reader, a helper or the caller.

    It has ``close`` or ``aclose``; putting ours on this one object leaves the response, which callers can see and
    pickle, as it is.
    """
    reference = weakref.ref(watched)  # Weakly, or a stream that is dropped unread would never be noticed.
    if (close := getattr(body, "close", None)) is not None:
        body.close = partial(_close, close, reference)
    if (aclose := getattr(body, "aclose", None)) is not None:
        body.aclose = partial(_aclose, aclose, reference)


def _close(original: Callable[[], Any], watched: weakref.ref[Watched]) -> None:
    original()
    still = watched()
    if still is not None:
        still.on_close()


async def _aclose(original: Callable[[], Awaitable[Any]], watched: weakref.ref[Watched]) -> None:
    await original()
    still = watched()
    if still is not None:
        still.on_close()
