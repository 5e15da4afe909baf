"""The wrappers around a client's method: one for plain functions, one for coroutine functions.

Both do the same: ask for a `Call`, run the method, report what came of it.  Everything that can go wrong on our side
is swallowed here, so a wrapped method behaves as before.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import nesting
from tokenbudget.capture.instrument.batches.batch_results import BatchReading
from tokenbudget.diagnostics import internal_errors

Observation = Call | BatchReading


class CallHooks(Protocol):
    """What a wrapper calls before and after a method.

    Attributes
    ----------
    package : str
        The SDK of the method.
    """

    package: str

    def makes(self, maker: str, begun: CallHooks) -> bool:
        """Return whether a call that a module of this package makes during this call is part of it."""

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        """Start observing; None to leave the call alone."""

    def end(self, attempt: Attempt, result: Any) -> Any:
        """Report a result and return what the caller gets: the result itself, or its observed stream."""


class Attempt:
    """A call in progress: its observation, and the arguments for the method.

    Attributes
    ----------
    call : Call or BatchReading
    args, kwargs : tuple, dict
        Arguments for the method; the hooks may have added to the caller's.
    fallback : callable or None
        ``fallback(error)`` returns the caller's own arguments if the provider may have refused what was added.
    hooks : CallHooks or None
        Set by the wrapper; None outside of it, e.g. while a stream is read.
    is_over : bool
        Whether the method has returned: tasks started in the meantime keep the context.
    """

    __slots__ = ("args", "call", "fallback", "hide_usage", "hooks", "is_over", "kwargs", "owner")
    hooks: CallHooks | None

    def __init__(self, call: Observation, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.call = call
        self.owner = owner
        self.args = args
        self.kwargs = kwargs
        self.hide_usage = False
        self.fallback: Callable[[BaseException], tuple[Any, ...] | None] | None = None
        self.is_over = False


current_attempt: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("tokenbudget_attempt", default=None)
"""The call being made in this context."""


def sync_wrapper(original: Any, hooks: CallHooks) -> Any:
    """Wrap a plain method of a class."""

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = None
        around = current_attempt.get()
        try:
            if around is None or not nesting.is_part(around, hooks):
                attempt = hooks.begin(self, args, kwargs)
        except Exception as error:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("capture.begin", error)
        if attempt is None:
            return original(self, *args, **kwargs)
        attempt.hooks = hooks
        token = current_attempt.set(attempt)
        args = attempt.args
        try:
            while True:
                try:
                    result = original(self, *args, **attempt.kwargs)
                    break
                except BaseException as error:
                    again = _again(attempt, error)
                    if again is None:
                        attempt.call.failed(error)
                        raise
                    args = again
        finally:
            attempt.is_over = True
            current_attempt.reset(token)
        try:
            return hooks.end(attempt, result)
        except Exception as error:  # noqa: BLE001
            internal_errors.swallow("capture.end", error)
            return result

    return nesting.know(wrapper)


def async_wrapper(original: Any, hooks: CallHooks) -> Any:
    """Wrap a coroutine method of a class."""

    @functools.wraps(original)
    async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = None
        around = current_attempt.get()
        try:
            if around is None or not nesting.is_part(around, hooks):
                attempt = hooks.begin(self, args, kwargs)
        except Exception as error:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("capture.begin", error)
        if attempt is None:
            return await original(self, *args, **kwargs)
        attempt.hooks = hooks
        token = current_attempt.set(attempt)
        args = attempt.args
        try:
            while True:
                try:
                    result = await original(self, *args, **attempt.kwargs)
                    break
                except BaseException as error:
                    again = _again(attempt, error)
                    if again is None:
                        attempt.call.failed(error)
                        raise
                    args = again
        finally:
            attempt.is_over = True
            current_attempt.reset(token)
        try:
            return hooks.end(attempt, result)
        except Exception as error:  # noqa: BLE001
            internal_errors.swallow("capture.end", error)
            return result

    return nesting.know(wrapper)


def function_wrapper(original: Any, hooks: CallHooks, owner: Any) -> Any:
    """Wrap a function, plain or coroutine; `owner` stands for the object that a method would have."""

    def plain(_: Any, *args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    method = (async_wrapper if inspect.iscoroutinefunction(original) else sync_wrapper)(plain, hooks)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return method(owner, *args, **kwargs)

    @functools.wraps(original)
    async def awrapper(*args: Any, **kwargs: Any) -> Any:
        return await method(owner, *args, **kwargs)

    return awrapper if inspect.iscoroutinefunction(original) else wrapper


def _again(attempt: Attempt, error: BaseException) -> tuple[Any, ...] | None:
    fallback, attempt.fallback = attempt.fallback, None
    if fallback is None:
        return None
    try:
        return fallback(error)
    except Exception as fault:  # noqa: BLE001
        internal_errors.swallow("capture.again", fault)
        return None
