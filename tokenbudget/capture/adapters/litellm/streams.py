"""LiteLLM's stream objects, observed in place: their classes' own steps go through ours."""

from __future__ import annotations

import functools
import weakref
from inspect import isasyncgen, isgenerator
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import observers
from tokenbudget.capture.instrument.responses.streams import AsyncItems, Items
from tokenbudget.capture.usage.fields import fields

_WATCHED = "_tokenbudget_items"


def is_stream(result: Any) -> bool:
    """Return whether a result is gone through, by a loop of either kind."""
    return hasattr(result, "__next__") or hasattr(result, "__anext__")


def observe(result: Any, call: Call, *, is_async: bool, hide_usage: bool = False) -> Any:
    """Observe a stream; it comes back itself, or for a generator another one."""
    if isgenerator(result) or isasyncgen(result):
        return observers.items(result, call)
    _watch_steps(type(result))
    kind = AsyncItems if is_async else Items
    result.__dict__[_WATCHED] = kind(_Own(result), call, _is_silent if hide_usage else None)
    return result


def _is_silent(chunk: Any) -> bool:
    """Return whether a chunk has only usage: LiteLLM passes usage on only to callers who requested it."""
    return not any(map(_says_something, fields(chunk).get("choices") or ()))


def _says_something(choice: Any) -> bool:
    known = fields(choice)
    delta = fields(known.get("delta"))
    return bool(known.get("finish_reason") or known.get("text") or any(delta[name] for name in delta if name != "role"))


class _Own:
    """A stream's own steps, past ours.  Weakly, or a dropped stream would wait for the garbage collector."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = weakref.ref(stream)

    def __iter__(self) -> Any:
        return self

    def __aiter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        stream: Any = self._stream()
        return _stepped[type(stream)]["__next__"](stream)

    async def __anext__(self) -> Any:
        stream: Any = self._stream()
        return await _stepped[type(stream)]["__anext__"](stream)


_stepped: dict[type, dict[str, Any]] = {}
"""Classes of streams that are observed -> their own steps."""


def _watch_steps(cls: Any) -> None:
    if cls in _stepped:
        return
    own = {name: getattr(cls, name) for name in ("__next__", "__anext__") if hasattr(cls, name)}
    _stepped[cls] = own
    for name, step in own.items():
        setattr(cls, name, _step(step) if name == "__next__" else _astep(step))


def _step(step: Any) -> Any:
    @functools.wraps(step)
    def observed(self: Any) -> Any:
        watched = self.__dict__.get(_WATCHED)
        # Gone through the other way it does what it ever did.
        return next(watched) if isinstance(watched, Items) else step(self)

    return observed


def _astep(step: Any) -> Any:
    @functools.wraps(step)
    async def observed(self: Any) -> Any:
        watched = self.__dict__.get(_WATCHED)
        return await (anext(watched) if isinstance(watched, AsyncItems) else step(self))

    return observed
