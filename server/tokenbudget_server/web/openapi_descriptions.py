"""What the OpenAPI document says of routes beyond their signatures.

A route says it in its options: ``body`` is the struct that its handler decodes by itself, ``parameters`` what it reads
from the URL by itself, ``problems`` statuses that it may refuse with, ``also_as`` another media type of the answer,
``etag`` that it is sent only if it is another one; ``needs`` is what the caller's credential must be for
(`tokenbudget_server.web.authorization`).  Which problems else it may answer with follows from what its
handler needs (`tokenbudget_server.web.features.Dependency`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import YamlRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    Tag,
)
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tokenbudget import __version__
from tokenbudget_server.web import route_checks
from tokenbudget_server.web.authorization import required_right
from tokenbudget_server.web.credentials import names_needed
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.methods import SAFE_METHODS
from tokenbudget_server.web.problems import MEDIA_TYPE, Problem, ProblemType
from tokenbudget_server.web.schema_page import SchemaPage

_BODY = 0
"""Stands for the body among a route's answers, where Litestar looks for structs to describe."""


class Documented(ReceiveRoutePlugin):
    """Completes what is said of each route.

    Parameters
    ----------
    dependencies : mapping of str to Dependency
        What handlers may need.
    types : sequence of ProblemType
        What a problem may be.
    """

    def __init__(self, dependencies: Mapping[str, Dependency], types: Sequence[ProblemType]) -> None:
        self._dependencies = dependencies
        self._types = types

    def receive_route(self, route: BaseRoute) -> None:
        """Describe the handlers of a route, before the document is asked for."""
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            names = set(names_needed(handler))
            needs = [dependency for name, dependency in self._dependencies.items() if name in names]
            statuses = sorted(_statuses(handler, needs, route.path_parameters))
            handler.responses = {**self._problems(statuses), **(handler.responses or {})}
            if (body := handler.opt.get("body")) is not None:
                handler.responses[_BODY] = ResponseSpec(body, generate_examples=False)
            read = [
                parameter
                for need in needs
                for parameter in need.parameters
                if parameter.name not in route.path_parameters
            ]
            read += handler.opt.get("parameters", ())
            route_checks.mark(route, handler, read)
            handler.operation_class = _operation(handler.opt, read)
            said = inspect.getdoc(handler.fn) or ""
            summary, _, description = said.partition("\n")
            handler.summary = handler.summary or summary.rstrip(".")
            handler.description = handler.description or description.strip() or None
            right = required_right(handler.opt)
            handler.security = [{scheme: [right] if right else []} for need in needs for scheme in need.security]

    def _problems(self, statuses: Sequence[int]) -> dict[int, ResponseSpec]:
        return {
            status: ResponseSpec(
                Problem, generate_examples=False, description=self._meaning(status), media_type=MEDIA_TYPE
            )
            for status in statuses
        }

    def _meaning(self, status: int) -> str:
        return " or ".join(f"`{kind.uri}`" for kind in self._types if kind.status == status)


def describe(features: Sequence[Feature], types: Sequence[ProblemType]) -> OpenAPIConfig:
    """Return what the document says of the API as a whole."""
    schemes = {name: scheme for feature in features for name, scheme in feature.security.items()}
    return OpenAPIConfig(
        title="TokenBudget",
        version=__version__,
        description=f"What is refused is answered with problem details (RFC 9457).\n\n{problem_table(types)}",
        path="/schema",
        render_plugins=[SchemaPage(), YamlRenderPlugin()],
        components=Components(security_schemes={**schemes}),
        tags=[Tag(feature.name, feature.description) for feature in features if feature.description],
    )


def problem_table(types: Sequence[ProblemType]) -> str:
    """Return a table of problems in Markdown."""
    head = "| Status | `type` | `title` | When, and what to do |\n|---|---|---|---|\n"
    return head + "".join(f"| {kind.status} | `{kind.uri}` | {kind.title} | {kind.meaning} |\n" for kind in types)


def _statuses(handler: HTTPRouteHandler, needs: Sequence[Dependency], in_path: Mapping[str, object]) -> set[int]:
    found = {status for need in needs for status in need.problems} | set(handler.opt.get("problems", ()))
    found.add(400)  # What no route takes: `web.request_checks`.
    if handler.opt.get("limited", True):
        found.add(429)
    if route_checks.takes_body(handler):
        found |= {408, 413, 415}
    if required_right(handler.opt) or not handler.http_methods <= SAFE_METHODS:  # With a cookie, it may be forged.
        found.add(403)
    if in_path:
        found.add(404)
    return found


def _operation(options: Mapping[str, Any], parameters: Sequence[Parameter]) -> type[Operation]:
    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            answers = self.responses or {}
            if isinstance(body := answers.pop(str(_BODY), None), OpenAPIResponse) and body.content:
                self.request_body = RequestBody(content=body.content, required=True)
            if parameters:
                self.parameters = [*(self.parameters or ()), *parameters]
            answer = answers.get("200")
            if (other := options.get("also_as")) and isinstance(answer, OpenAPIResponse) and answer.content:
                frame = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
                answer.content[other] = OpenAPIMediaType(schema=frame)
            if options.get("etag"):
                answers["304"] = OpenAPIResponse(description="The answer is the one whose ETag `If-None-Match` names.")

    return Described
