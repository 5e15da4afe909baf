"""Observe clients by wrapping chosen methods, for SDKs without a common base client.

Choose the few methods that all requests of an SDK go through (``do_request``, ``_make_api_call``): then helpers, raw
responses and future APIs are observed as well, and retries inside are one call.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import observers, wrappers
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.batches.batch_results import BatchReading
from tokenbudget.capture.instrument.lazy_modules import when_imported
from tokenbudget.capture.instrument.sdk_spec import MARK, ClientMark, Guide
from tokenbudget.capture.instrument.sessions.websocket_connects import Opening
from tokenbudget.capture.instrument.wrappers import Attempt, CallHooks
from tokenbudget.capture.usage.fields import Fields
from tokenbudget.diagnostics.unmeasured import Unmeasured, note


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedCall:
    """The call that a method makes.

    Attributes
    ----------
    api : Api
        The API.
    provider : str
        Who bills it, unless the user said otherwise when wrapping.
    request : mapping
        The request's body.
    model : str, optional
        The model asked for, where the body does not name it.
    region : str, optional
        Where it runs.
    """

    api: Api
    provider: str
    request: Fields
    model: str | None = None
    region: str | None = None


def itself(owner: Any) -> Any:
    """Return the object that has the method, as the one that carries the mark."""
    return owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method to observe.

    Attributes
    ----------
    owner : str
        Class that has it, e.g. ``google.genai._api_client.BaseApiClient``; versions without it are left alone.
    name : str
        The method.
    asked : callable
        ``asked(owner, args, kwargs)`` tells what the method is called for: None for no model call, a `BatchReading` for
        a batch or its results, `Unmeasured` for what is billed and not measured.  It may change ``kwargs``.
    result : callable
        ``result(result, call)`` observes what it returns; see `tokenbudget.capture.instrument.observers`.
    read : callable
        ``read(reading, result)`` observes what it returns of a batch.
    marked : callable
        ``marked(owner)``: the object whose mark says that the client is wrapped, where that is not the owner.
    """

    owner: str
    name: str
    asked: Callable[[Any, tuple[Any, ...], dict[str, Any]], ObservedCall | BatchReading | Unmeasured | None]
    result: Callable[[Any, Call], Any] = observers.whole
    read: Callable[[BatchReading, Any], None] = BatchReading.answered
    marked: Callable[[Any], Any] = itself


class MethodSdk:
    """An SDK observed at chosen methods.

    Parameters
    ----------
    name : str
        The package.
    clients : tuple of str
        Full names of its client classes.
    apis : tuple of Api
        What is measured.
    methods : tuple of Method
    openings : iterable of Opening
        Methods that open sessions over web sockets.
    unmeasured : iterable of Unmeasured
        What is billed and not measured.
    sends : tuple of str
        Full names of methods that run once for each HTTP request: the attempts of a call are counted there.
    places : tuple of str
        Where a client keeps the objects to mark, e.g. ``_client_wrapper.httpx_client``; empty: the client itself.
    packages : tuple of str
        Packages that hold its client classes, where versions differ; `name` by default.
    guide : Guide
        What messages and the documentation say of it.
    """

    def __init__(  # noqa: PLR0913 (a declaration)
        self,
        *,
        name: str,
        clients: tuple[str, ...],
        apis: tuple[Api, ...],
        methods: tuple[Method, ...],
        openings: Iterable[Opening] = (),
        unmeasured: Iterable[Unmeasured] = (),
        sends: tuple[str, ...] = (),
        places: tuple[str, ...] = ("",),
        packages: tuple[str, ...] = (),
        guide: Guide = Guide(),  # noqa: B008 (frozen)
    ) -> None:
        self.name = name
        self.packages = packages or (name,)
        self.clients = tuple(dict.fromkeys(path.rpartition(".")[2] for path in clients))
        self.apis = apis
        self.guide = guide
        self.unmeasured = tuple(unmeasured)
        self.everything = False
        self._paths = frozenset(clients)
        self._methods = methods
        self._openings = tuple(openings)
        self._sends = sends
        self._places = places
        self._installed: set[Method | Opening | str] = set()

    def supports(self, client: Any) -> bool:
        """Return whether this object is one of the package's clients."""
        return any(f"{cls.__module__}.{cls.__qualname__}" in self._paths for cls in type(client).__mro__)

    def is_made(self, client: Any) -> bool:
        """Return whether its class has made a client of this object."""
        return any(_resolve(client, place) is not None for place in self._places)

    def wrap(self, client: Any, provider: str | None) -> None:
        """Mark a client; wrapping it again changes at most the provider."""
        self._install()
        for place in self._places:
            owner = _resolve(client, place)
            if owner is not None and (MARK not in owner.__dict__ or provider is not None):
                owner.__dict__[MARK] = ClientMark(provider)

    def patch(self) -> None:
        """Observe every client of the package."""
        self._install()
        self.everything = True

    def unpatch(self) -> None:
        """Observe wrapped clients only."""
        self.everything = False

    def observes(self, owner: Any) -> bool:
        """Return whether the calls of a client are observed by the mark of this object."""
        return self.everything or MARK in owner.__dict__

    def _install(self) -> None:
        for method in self._methods:
            cls = None if method in self._installed else _class(method.owner)
            original = getattr(cls, method.name, None)
            if original is not None:
                wrapper = wrappers.async_wrapper if inspect.iscoroutinefunction(original) else wrappers.sync_wrapper
                setattr(cls, method.name, wrapper(original, _MethodHooks(self, method)))
                self._installed.add(method)
        for opening in self._openings:
            if opening not in self._installed:
                self._installed.add(opening)
                when_imported(opening.owner.rpartition(".")[0], functools.partial(self._open, opening))
        for path in self._sends:
            owner, _, name = path.rpartition(".")
            cls = None if path in self._installed else _class(owner)
            if hasattr(cls, name):
                setattr(cls, name, _counting(getattr(cls, name)))
                self._installed.add(path)

    def _open(self, opening: Opening) -> None:
        cls = _class(opening.owner)
        if hasattr(cls, "connect"):
            cls.connect = opening.wrapper(cls.connect, self.observes, self.name)


class _MethodHooks:
    """The hooks of a method: which call it makes, and how its result is observed."""

    def __init__(self, sdk: MethodSdk, method: Method) -> None:
        self.package = sdk.name
        self._sdk = sdk
        self._method = method

    def makes(self, maker: str, begun: CallHooks) -> bool:  # noqa: ARG002 (Cohere's client retries by calling itself)
        return True

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._method.marked(owner).__dict__.get(MARK)
        if mark is None and not self._sdk.everything:
            return None
        asked = self._method.asked(owner, args, kwargs)
        if asked is None:
            return None
        if isinstance(asked, BatchReading):
            return Attempt(asked, owner, args, kwargs)
        if isinstance(asked, Unmeasured):
            note(self.package, asked)
            return None
        named = mark.provider if mark is not None else None
        call = Call(asked.api, named or asked.provider, asked.request, model=asked.model, region=asked.region)
        return Attempt(call, owner, args, kwargs)

    def end(self, attempt: Attempt, result: Any) -> Any:
        call = attempt.call
        if isinstance(call, Call):
            return self._method.result(result, call)
        self._method.read(call, result)
        return result


def _counting(original: Any) -> Any:
    def count() -> None:
        attempt = wrappers.current_attempt.get()
        if attempt is not None and not attempt.is_over:
            call = attempt.call
            call.sends += 1
            call.attempts = call.sends

    @functools.wraps(original)
    def send(*args: Any, **kwargs: Any) -> Any:
        count()
        return original(*args, **kwargs)

    @functools.wraps(original)
    async def asend(*args: Any, **kwargs: Any) -> Any:
        count()
        return await original(*args, **kwargs)

    return asend if inspect.iscoroutinefunction(original) else send


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:  # another version keeps it elsewhere
        return None


def _resolve(client: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        client = getattr(client, name, None)
    return client
