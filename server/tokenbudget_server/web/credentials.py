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
_CHECKS = "credentials"


class Credentials(ReceiveRoutePlugin):
    """The credentials that routes may ask for.

    Parameters
    ----------
    dependencies : mapping of str to Dependency
        All that there are.  One that asks for a credential may need the request, and what is the same for all requests.
    """

    def __init__(self, dependencies: Mapping[str, Dependency]) -> None:
        self._checks = {
            name: _once(name, _check(each, dependencies)) for name, each in dependencies.items() if each.security
        }

    def receive_route(self, route: BaseRoute) -> None:
        """Note which credentials the handlers of a route ask for."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                names = set(names_needed(handler))
                handler.opt[_CHECKS] = [check for name, check in self._checks.items() if name in names]

    def provide(self, name: str, dependency: Dependency) -> Provide:
        """Return how handlers get a dependency: a credential is looked at once for a request."""
        return Provide(self._checks[name]) if name in self._checks else dependency.provide


async def authenticate(request: AnyRequest) -> None:
    """Find out who sent a request, as its route asks for it.

    Raises
    ------
    ProblemError
        If it has no credential that the route asks for, or one that is not valid.
    """
    for check in request.route_handler.opt.get(_CHECKS, ()):
        await check(request)


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


def _once(name: str, check: Check) -> Check:
    async def once(request: AnyRequest) -> Any:
        known: dict[str, Any] = request.scope["state"]
        if name not in known:
            known[name] = await check(request)
        return known[name]

    return once
