"""Tags: attribute calls to features, users and anything else."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import os
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Literal, ParamSpec, TypeVar, cast

from tokenbudget.core.errors import TagError
from tokenbudget.core.limits import LONGEST_TAG_VALUE, MOST_TAGS, TAG_KEY, is_storable
from tokenbudget.core.tag_values import tag_text

_VARIABLE = "TOKENBUDGET_TAGS"
"""Tags of a whole process, e.g. ``run=nightly,team=search``."""


def _of_process() -> dict[str, str]:
    """Read the tags that the environment gives to all that this process does; what cannot be a tag is left out."""
    pairs = (pair.partition("=") for pair in os.environ.get(_VARIABLE, "").split(","))
    given = {key.strip(): value.strip()[:LONGEST_TAG_VALUE] for key, _, value in pairs}
    return {key: value for key, value in given.items() if TAG_KEY.fullmatch(key) and value and is_storable(value)}


# The mappings in it are shared and never changed.
_current: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("tokenbudget_tags", default=_of_process())  # noqa: B039
tags_in_force = _current.get

P = ParamSpec("P")
R = TypeVar("R")


def current_tags() -> dict[str, str]:
    """Return a copy of the tags in force.

    Examples
    --------
    >>> with tags(feature="chat"):
    ...     current_tags()
    {'feature': 'chat'}
    """
    return dict(_current.get())


def checked(values: Any) -> dict[str, str]:
    """Check tags and convert their values to text.

    Raises
    ------
    TagError
        If a key or a value is not valid; the message names it.
    """
    if not isinstance(values, Mapping):
        msg = f"tags must be a mapping such as {{'feature': 'chat'}}, got {type(values).__name__}: {values!r:.80}"
        raise TagError(msg)
    clean: dict[str, str] = {}
    for key, value in values.items():
        if not isinstance(key, str) or not TAG_KEY.fullmatch(key):
            msg = f"tag key {key!r} must be 1 to 64 characters out of A-Z a-z 0-9 _ . : -"
            raise TagError(msg)
        text = tag_text(value)
        if text is None:
            kinds = "text, a number, a bool, a date, a UUID or an Enum of these"
            msg = f"tag {key!r} must be {kinds}, got {type(value).__name__}: {value!r:.80}"
            raise TagError(msg)
        if len(text) > LONGEST_TAG_VALUE:
            most = LONGEST_TAG_VALUE
            msg = f"tag {key!r} has {len(text)} characters, at most {most} are kept: shorten it or store an id"
            raise TagError(msg)
        if not is_storable(text):
            msg = f"tag {key!r} holds what is no character (U+0000, or half of a surrogate pair): {text!r:.80}"
            raise TagError(msg)
        clean[key] = text
    return clean


def merged(outer: Mapping[str, str], inner: Mapping[str, str]) -> dict[str, str]:
    """Merge tags; `inner` ones replace `outer` ones of the same name.

    Raises
    ------
    TagError
        If the result has more than 20 tags.
    """
    both = {**outer, **inner}
    if len(both) > MOST_TAGS:
        msg = f"{len(both)} tags at once, at most {MOST_TAGS}: {', '.join(sorted(both))}"
        raise TagError(msg)
    return both


class tags:  # noqa: N801 (reads as a word of the language: `with tb.tags(feature="chat"):`)
    """Tag every call made inside the block; inner tags replace outer ones of the same name.

    Tags apply across ``await``, in asyncio tasks started inside the block, and in generators.  For other threads, use
    :meth:`tags.propagate`.

    Parameters
    ----------
    **values : str, int, float, bool, date, UUID or Enum
        At most 20 tags at once.  Keys have 1 to 64 characters out of ``A-Z a-z 0-9 _ . : -``, values at most 256
        characters.

    Raises
    ------
    TagError
        If a tag is not valid: raised here, never from a later call of the client.

    Examples
    --------
    >>> with tags(feature="chat", env="dev"), tags(feature="search"):
    ...     current_tags()
    {'feature': 'search', 'env': 'dev'}
    """

    def __init__(self, /, **values: Any) -> None:
        self._values = checked(values)
        merged(_current.get(), self._values)
        self._tokens: list[contextvars.Token[dict[str, str]]] = []

    def __enter__(self) -> Mapping[str, str]:
        both = merged(_current.get(), self._values)
        self._tokens.append(_current.set(both))
        return MappingProxyType(both)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        token = self._tokens.pop()
        # A generator may be closed in another context than it was started in: that one has its own tags.
        with contextlib.suppress(ValueError):
            _current.reset(token)
        return False

    async def __aenter__(self) -> Mapping[str, str]:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        return self.__exit__(kind, error, trace)

    @staticmethod
    def propagate(function: Callable[P, R]) -> Callable[P, R]:
        """Wrap `function` so that it runs with the tags in force now, also in a thread, a pool or a callback.

        Examples
        --------
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor() as pool, tags(feature="batch"):
        ...     pool.submit(tags.propagate(current_tags)).result()
        {'feature': 'batch'}
        """
        return tagged(**_current.get())(function)


def tagged(**values: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Tag every call made inside the decorated function, which may be a coroutine or a generator function.

    Parameters
    ----------
    **values : str, int, float, bool, date, UUID or Enum
        As for `tags`.

    Raises
    ------
    TagError
        On decoration, if a tag is not valid.

    Examples
    --------
    >>> @tagged(feature="search")
    ... def search():
    ...     return current_tags()
    >>> search()
    {'feature': 'search'}
    """
    clean = checked(values)
    merged({}, clean)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        wrapper: Any
        if inspect.isasyncgenfunction(function):
            wrapper = _async_generator(function, clean)
        elif inspect.isgeneratorfunction(function):
            wrapper = _generator(function, clean)
        elif inspect.iscoroutinefunction(function):
            wrapper = _coroutine(function, clean)
        else:
            wrapper = _function(function, clean)
        return cast("Callable[P, R]", functools.wraps(function)(wrapper))

    return decorate


def _function(function: Any, values: dict[str, str]) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with tags(**values):
            return function(*args, **kwargs)

    return wrapper


def _coroutine(function: Any, values: dict[str, str]) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with tags(**values):
            return await function(*args, **kwargs)

    return wrapper


def _generator(function: Any, values: dict[str, str]) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        # Tags hold while the generator runs, not while its consumer does.
        inner = function(*args, **kwargs)
        step, value = inner.send, None
        try:
            while True:
                try:
                    with tags(**values):
                        item = step(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    value = yield item
                    step = inner.send
                except Exception as error:  # noqa: BLE001 (thrown in by the consumer: it belongs inside)
                    step, value = inner.throw, error
        finally:
            inner.close()

    return wrapper


def _async_generator(function: Any, values: dict[str, str]) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        step, value = inner.asend, None
        try:
            while True:
                try:
                    with tags(**values):
                        item = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    value = yield item
                    step = inner.asend
                except Exception as error:  # noqa: BLE001 (thrown in by the consumer: it belongs inside)
                    step, value = inner.athrow, error
        finally:
            await inner.aclose()

    return wrapper
