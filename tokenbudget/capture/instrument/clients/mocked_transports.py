"""Detect test tools that replace the server: they compare requests, so nothing is added to these.

respx and pytest-httpx put functions of their own into the HTTP library, vcr around those that are there.  A transport
that was handed to the client, as httpx's ``MockTransport``, is no such tool: it is asked as any server is.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

_LOADED_IN_TESTS = ("pytest", "unittest.mock", "respx", "vcr")
_TOOLS = frozenset({"respx", "pytest_httpx", "vcr"})
_MOCKS = frozenset({"unittest", "mock"})
_WAYS = ("handle_request", "handle_async_request")


def answer_for(http: Any) -> bool:
    """Return whether a test tool answers the requests of an HTTP client (of httpx or httpx2) at this moment."""
    loaded = sys.modules
    if not any(name in loaded for name in _LOADED_IN_TESTS):
        return False
    transport = getattr(http, "_transport", None)
    placed = getattr(http, "send", None), getattr(http, "_transport_for_url", None)
    return (
        any(map(_is_tool, placed))
        or _home(getattr(transport, "handler", None)) in _TOOLS
        or any(map(_is_replaced, (transport, getattr(transport, "_pool", None))))
    )


def _is_replaced(part: Any) -> bool:
    """Return whether what sends requests was replaced from outside."""
    return any(_is_tool(way) or _is_foreign(way, type(part)) for name in _WAYS if (way := getattr(part, name, None)))


def _is_tool(function: Any) -> bool:
    return function is not None and (_home(function) in _TOOLS or _package(type(function).__module__) in _MOCKS)


def _is_foreign(function: Any, cls: type) -> bool:
    # Instrumentation says what it wraps.
    return not hasattr(function, "__wrapped__") and _home(function) not in _homes(cls)


@lru_cache(64)
def _homes(cls: type) -> frozenset[str]:
    return frozenset(_package(base.__module__) for base in cls.__mro__)


def _home(function: Any) -> str:
    """Return the package that a function or a method was written in: wrappers copy what it says of itself."""
    known = getattr(getattr(function, "__func__", function), "__globals__", None)
    return _package(known["__name__"] if known else getattr(function, "__module__", None))


def _package(module: Any) -> str:
    return str(module).partition(".")[0]
