"""What the OpenAPI document says of routes beyond their signatures.

A route says it in its options: ``body`` is the struct that its handler decodes by itself, ``parameters`` what it reads
from the URL by itself, ``arrow`` that the answer also comes as a frame, ``etag`` that it is sent only if it is another
one.  Which problems it may answer with follows from what its handler needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
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
    SecurityScheme,
)
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tokenbudget_server.analytics.conditional import ARROW
from tokenbudget_server.analytics.parameters import PROJECT
from tokenbudget_server.web.problems import MEDIA_TYPE, Problem

_BODY = 0
"""Stands for the body among a route's answers, where Litestar looks for structs to describe."""

SECURITY = Components(
    security_schemes={
        "ApiKey": SecurityScheme(type="http", scheme="bearer", description="An API key, `tb_ak_…`."),
        "AdminKey": SecurityScheme(type="apiKey", name="X-Admin-Key", security_scheme_in="header"),
    }
)
_KEYS = {"principal": "ApiKey", "admin": "AdminKey"}
_SAYS = {
    400: "The request cannot be understood; `detail` and `errors` say what is wrong with it.",
    401: "There is no API key, or it is not valid.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    409: "It is being done already.",
    413: "The body is larger than 5 MiB unpacked, or holds more than 1000 events.",
    415: "The body is compressed in another way than gzip.",
    502: "Another server did not answer, or not as it should.",
    503: "The server cannot do it now; nothing is lost by trying again after `Retry-After` seconds.",
}
_NEEDS = {
    "principal": (401, 503),
    "admin": (403, 503),
    "ingest": (400, 403, 413, 415),
    "question_scope": (400, 404),
    "price_sync": (502,),
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe answers that are problem details."""
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=_SAYS[status], media_type=MEDIA_TYPE)
        for status in statuses
    }


class Documented(ReceiveRoutePlugin):
    """Completes what is said of each route."""

    def receive_route(self, route: BaseRoute) -> None:
        """Describe the handlers of a route, before anybody asks for the document."""
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            needs = set(_needs(handler))
            statuses = _statuses(handler, needs, route.path_parameters)
            handler.responses = {**problems(*statuses), **(handler.responses or {})}
            if (body := handler.opt.get("body")) is not None:
                handler.responses[_BODY] = ResponseSpec(body, generate_examples=False)
            chooses = "question_scope" in needs and "project_id" not in route.path_parameters
            handler.operation_class = _operation(handler.opt, [PROJECT] if chooses else [])
            handler.security = [{_KEYS[name]: []} for name in _KEYS if name in needs]


def _needs(handler: HTTPRouteHandler) -> Iterator[str]:
    """Name the dependencies of a handler, theirs included, and its own parameters."""
    known, waiting = handler.resolve_dependencies(), list(handler.parsed_fn_signature.parameters)
    while waiting:
        name = waiting.pop()
        yield name
        if name in known:
            waiting += known[name].parsed_fn_signature.parameters


def _statuses(handler: HTTPRouteHandler, needs: set[str], in_path: Mapping[str, object]) -> list[int]:
    own = set(handler.parsed_fn_signature.parameters) - set(handler.resolve_dependencies()) - {"request"}
    found = {status for name, statuses in _NEEDS.items() if name in needs for status in statuses}
    if own:
        found.add(400)
    if in_path:
        found.add(404)
    return sorted(found)


def _operation(options: Mapping[str, Any], parameters: Sequence[Parameter]) -> type[Operation]:
    parameters = [*options.get("parameters", ()), *parameters]

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            answers = self.responses or {}
            if isinstance(body := answers.pop(str(_BODY), None), OpenAPIResponse) and body.content:
                self.request_body = RequestBody(content=body.content, required=True)
            if parameters:
                self.parameters = [*(self.parameters or ()), *parameters]
            answer = answers.get("200")
            if options.get("arrow") and isinstance(answer, OpenAPIResponse) and answer.content:
                frame = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
                answer.content[ARROW] = OpenAPIMediaType(schema=frame)
            if options.get("etag"):
                answers["304"] = OpenAPIResponse(description="The answer is the one whose ETag `If-None-Match` names.")

    return Described
