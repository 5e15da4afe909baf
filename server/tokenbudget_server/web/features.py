"""What a feature of the API is made of; `tokenbudget_server.app` mounts a list of them.

Each feature's folder has a ``feature.py`` whose function ``feature`` makes it of what it needs.  A new one is a folder
and an entry in that list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litestar.di import Provide
from litestar.openapi.spec import Parameter, SecurityScheme
from litestar.types import ControllerRouterHandler, Guard

from tokenbudget_server.web.problems import ProblemType

if TYPE_CHECKING:
    from tokenbudget_server.jobs.outbox import Handler
    from tokenbudget_server.jobs.periodic import Periodic

Lifespan = Callable[[], AbstractAsyncContextManager[None]]
"""Opens what is needed while the application serves."""


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """What a handler gets by the name of its parameter.

    Attributes
    ----------
    provide : Provide
    problems : tuple of int
        Statuses that providing it may end with.
    security : sequence of str
        The security schemes of which it asks for one.
    parameters : sequence of Parameter
        What it reads from the query of a URL, unless the route has a path parameter of that name.
    """

    provide: Provide
    problems: tuple[int, ...] = ()
    security: Sequence[str] = ()
    parameters: Sequence[Parameter] = ()

    @classmethod
    def of(cls, value: Any, **documented: Any) -> Dependency:
        """Make a dependency that is the same for all requests."""
        return cls(provide=Provide(lambda: value, sync_to_thread=False), **documented)

    def constant(self) -> Any:
        """Return what is the same for all requests: the value that `of` was given."""
        return self.provide.dependency()


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A part of the API.

    Attributes
    ----------
    name : str
        Also the tag of its routes.
    description : str
        Of the tag, in the OpenAPI document.
    routes : sequence
        Handlers and controllers.
    dependencies : mapping of str to Dependency
        What it provides, to its own handlers and to those of others.
    problems : mapping of exception type to ProblemType
        What exceptions of its own are answered with.
    security : mapping of str to SecurityScheme
        Ways to prove who asks.
    guards : sequence of callables
        Asked before each request is handled, by whichever feature; they raise what it is refused with.
    lifespans : sequence of callables
        Opened in this order when the application starts, closed in the other when it stops.
    jobs : sequence of Periodic
        What runs in the background.
    handlers : mapping of str to callable
        By topic, what is done with messages of the outbox.
    """

    name: str
    description: str = ""
    routes: Sequence[ControllerRouterHandler] = ()
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    problems: Mapping[type[Exception], ProblemType] = field(default_factory=dict)
    security: Mapping[str, SecurityScheme] = field(default_factory=dict)
    guards: Sequence[Guard] = ()
    lifespans: Sequence[Lifespan] = ()
    jobs: Sequence[Periodic] = ()
    handlers: Mapping[str, Handler] = field(default_factory=dict)
