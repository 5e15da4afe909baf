"""The two thin shells around a client's method: one for plain functions, one for coroutine functions.

Both do the same: ask for a `Call`, run the method, report what came of it.  Everything that can go wrong on our side
is swallowed here, so a method behind a shell behaves as it did before.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from tokenbudget import faults
from tokenbudget.capture.batches import Reading
from tokenbudget.capture.call import Call

Observation = Call | Reading

current_call: contextvars.ContextVar[Observation | None] = contextvars.ContextVar("tokenbudget_call", default=None)
"""The call being made in this context: calls made inside it (a client in a client) are part of it."""


class Seam(Protocol):
    """What a shell needs to know of a method."""

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        """Start observing; None leaves the call alone."""

    def end(self, attempt: Attempt, result: Any) -> Any:
        """Report a result and give what the caller gets: the result itself, or its stream, observed."""


class Attempt:
    """A call begun: the observation, and the arguments to call the method with.

    Attributes
    ----------
    call : Call or Reading
    args, kwargs : tuple, dict
        What the method is called with; a seam may have asked for more than the caller did.
    fallback : callable or None
        ``fallback(error)`` gives the caller's own arguments where the provider may have refused what we added.
    """

    __slots__ = ("args", "call", "fallback", "hide_usage", "kwargs", "owner")

    def __init__(self, call: Observation, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.call = call
        self.owner = owner
        self.args = args
        self.kwargs = kwargs
        self.hide_usage = False
        self.fallback: Callable[[BaseException], tuple[Any, ...] | None] | None = None


def sync_shell(original: Any, seam: Seam) -> Any:
    """Wrap a plain method of a class."""

    @functools.wraps(original)
    def shell(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = None
        if current_call.get() is None:
            try:
                attempt = seam.begin(self, args, kwargs)
            except Exception as error:  # noqa: BLE001 (never into the host program)
                faults.swallow("capture.begin", error)
        if attempt is None:
            return original(self, *args, **kwargs)
        token = current_call.set(attempt.call)
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
            current_call.reset(token)
        try:
            return seam.end(attempt, result)
        except Exception as error:  # noqa: BLE001
            faults.swallow("capture.end", error)
            return result

    return shell


def async_shell(original: Any, seam: Seam) -> Any:
    """Wrap a coroutine method of a class."""

    @functools.wraps(original)
    async def shell(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = None
        if current_call.get() is None:
            try:
                attempt = seam.begin(self, args, kwargs)
            except Exception as error:  # noqa: BLE001 (never into the host program)
                faults.swallow("capture.begin", error)
        if attempt is None:
            return await original(self, *args, **kwargs)
        token = current_call.set(attempt.call)
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
            current_call.reset(token)
        try:
            return seam.end(attempt, result)
        except Exception as error:  # noqa: BLE001
            faults.swallow("capture.end", error)
            return result

    return shell


def function_shell(original: Any, seam: Seam, owner: Any) -> Any:
    """Wrap a function, plain or coroutine; `owner` stands for the object that a method would have."""

    def plain(_: Any, *args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    method = (async_shell if inspect.iscoroutinefunction(original) else sync_shell)(plain, seam)

    @functools.wraps(original)
    def shell(*args: Any, **kwargs: Any) -> Any:
        return method(owner, *args, **kwargs)

    @functools.wraps(original)
    async def ashell(*args: Any, **kwargs: Any) -> Any:
        return await method(owner, *args, **kwargs)

    return ashell if inspect.iscoroutinefunction(original) else shell


def _again(attempt: Attempt, error: BaseException) -> tuple[Any, ...] | None:
    fallback, attempt.fallback = attempt.fallback, None
    if fallback is None:
        return None
    try:
        return fallback(error)
    except Exception as fault:  # noqa: BLE001
        faults.swallow("capture.again", fault)
        return None
