"""Observe clients method by method, for SDKs that have no single place all requests go through."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenbudget.capture import shells
from tokenbudget.capture.api import Api
from tokenbudget.capture.call import Call
from tokenbudget.capture.fields import Fields
from tokenbudget.capture.sdk import MARK, Mark
from tokenbudget.capture.shells import Attempt
from tokenbudget.capture.streams import AsyncItems, Items

Request = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Fields]


def keywords(owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Fields:  # noqa: ARG001
    """Take the keyword arguments for the request, as most SDKs have it."""
    return kwargs


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method to observe.

    Attributes
    ----------
    owner : str
        Class that defines it, e.g. ``google.genai.models.Models``.
    name : str
        The method.
    at : str
        Where a client keeps the object that has the method, e.g. ``aio.models``; empty: the client itself.
    api : Api or callable
        What it calls; ``api(owner, args, kwargs)`` where the arguments tell (None: not a model call).
    request : callable
        ``request(owner, args, kwargs)``: the request's fields by the provider's names, ``model`` among them.
    stream : bool
        Whether it returns (or awaits to) an iterator of items.
    """

    owner: str
    name: str
    at: str = ""
    api: Api | Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Api | None]
    request: Request = keywords
    stream: bool = False


class MethodSdk:
    """An SDK observed method by method.

    Parameters
    ----------
    name : str
        The package (dotted where it is a namespace package: ``google.genai``).
    clients : tuple of str
        Its client classes, as ``module.Class`` below the package.
    methods : tuple of Method
    target : callable
        ``target(owner)`` gives provider and region of the object that has the method.
    """

    def __init__(
        self,
        *,
        name: str,
        clients: tuple[str, ...],
        methods: tuple[Method, ...],
        target: Callable[[Any], tuple[str, str | None]],
    ) -> None:
        self.name = name
        self.clients = tuple(path.rpartition(".")[2] for path in clients)
        self.operations = tuple(dict.fromkeys(m.api.operation for m in methods if isinstance(m.api, Api)))
        self.everything = False
        self.target = target
        self._client_paths = tuple(f"{name}.{path}" for path in clients)
        self._methods = methods
        self._installed = False

    def supports(self, client: Any) -> bool:
        """Tell whether this object is one of the package's clients."""
        names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(client).__mro__}
        return not names.isdisjoint(self._client_paths)

    def wrap(self, client: Any, provider: str | None) -> None:
        """Mark a client's objects; wrapping it again changes at most the provider."""
        self._install()
        for place in dict.fromkeys(method.at for method in self._methods):
            owner = _resolve(client, place)
            if owner is not None and (MARK not in owner.__dict__ or provider is not None):
                owner.__dict__[MARK] = Mark(provider)

    def patch(self) -> None:
        """Observe every client of the package."""
        self._install()
        self.everything = True

    def unpatch(self) -> None:
        """Observe wrapped clients only."""
        self.everything = False

    def _install(self) -> None:
        if self._installed:
            return
        self._installed = True
        for method in self._methods:
            module, _, name = method.owner.rpartition(".")
            cls = getattr(importlib.import_module(module), name, None)
            original = getattr(cls, method.name, None)
            if original is not None:  # other versions of the package may not have it
                shell = shells.async_shell if inspect.iscoroutinefunction(original) else shells.sync_shell
                setattr(cls, method.name, shell(original, _MethodSeam(self, method)))


class _MethodSeam:
    """Between a shell and an SDK: which call a method makes, and what its result is."""

    def __init__(self, sdk: MethodSdk, method: Method) -> None:
        self._sdk = sdk
        self._method = method

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = owner.__dict__.get(MARK)
        if mark is None and not self._sdk.everything:
            return None
        api = self._method.api
        chosen = api if isinstance(api, Api) else api(owner, args, kwargs)
        if chosen is None:
            return None
        provider, region = self._sdk.target(owner)
        named = mark.provider if mark is not None else None
        request = self._method.request(owner, args, kwargs)
        return Attempt(Call(chosen, named or provider, request, region=region), owner, args, kwargs)

    def end(self, attempt: Attempt, result: Any) -> Any:
        call = attempt.call
        if not self._method.stream or not isinstance(call, Call):
            call.answered(result)
            return result
        if hasattr(result, "__anext__"):
            items = AsyncItems(result, call)
            return items.loop(items)
        plain = Items(iter(result), call)
        return plain.loop(plain)


def _resolve(client: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        client = getattr(client, name, None)
    return client
