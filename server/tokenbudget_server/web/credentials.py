"""Who asks, found out from the headers alone: before the body is read, and once for a request.

Whatever asks for a credential (`Dependency.security`) is one; the routes that need it, by themselves or through other
dependencies, are those that it protects.  No route has to say so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from inspect import isawaitable, signature
from typing import Any

from litestar import Request
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tokenbudget_server.web.features import Dependency

AnyRequest = Request[Any, Any, Any]
Check = Callable[[AnyRequest], Awaitable[Any]]
_CREDENTIALS = "credentials"
_UNDER_WAY = object()


class Credentials(ReceiveRoutePlugin):
    """The credentials that routes may ask for.

    Parameters
    ----------
    dependencies : mapping of str to Dependency
        All that there are.  One that asks for a credential may need the request, and what is the same for all requests.
    """

    def __init__(self, dependencies: Mapping[str, Dependency]) -> None:
        self._known = {
            name: _Credential(name, _check(each, dependencies)) for name, each in dependencies.items() if each.security
        }

    def receive_route(self, route: BaseRoute) -> None:
        """Note which credentials the handlers of a route ask for."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                names = set(names_needed(handler))
                handler.opt[_CREDENTIALS] = [each for name, each in self._known.items() if name in names]

    def provide(self, name: str, dependency: Dependency) -> Provide:
        """Return how handlers get a dependency: a credential is looked at once for a request."""
        return Provide(self._known[name].of) if name in self._known else dependency.provide


class _Credential:
    """One that is looked at once for a request."""

    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check

    async def of(self, request: AnyRequest) -> Any:
        """Return what the credential of a request says."""
        known: dict[str, Any] = request.scope["state"]
        if self._name not in known:
            known[self._name] = _UNDER_WAY
            try:
                known[self._name] = await self._check(request)
            except BaseException:
                del known[self._name]
                raise
        return known[self._name]

    def is_looked_at(self, request: AnyRequest) -> bool:
        """Whether it was looked at or is now: who looks may watch meanwhile whether the client hangs up."""
        return self._name in request.scope["state"]


async def authenticate(request: AnyRequest) -> None:
    """Find out who sent a request, as its route asks for it.

    Raises
    ------
    ProblemError
        If it has no credential that the route asks for, or one that is not valid.
    """
    for credential in request.route_handler.opt.get(_CREDENTIALS, ()):
        if not credential.is_looked_at(request):
            await credential.of(request)


def names_needed(handler: HTTPRouteHandler) -> Iterator[str]:
    """Name the dependencies of a handler, theirs included, and its own parameters."""
    known, waiting = handler.resolve_dependencies(), list(handler.parsed_fn_signature.parameters)
    while waiting:
        name = waiting.pop()
        yield name
        if name in known:
            waiting += known[name].parsed_fn_signature.parameters


def _check(dependency: Dependency, dependencies: Mapping[str, Dependency]) -> Check:
    function: Any = dependency.provide.dependency
    names = signature(function).parameters
    constants = {name: dependencies[name].constant() for name in names if name != "request"}

    async def check(request: AnyRequest) -> Any:
        found = function(request=request, **constants) if "request" in names else function(**constants)
        return await found if isawaitable(found) else found

    return check
