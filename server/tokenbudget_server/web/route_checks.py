"""What holds for the parameters and the bodies of all routes, also of those not yet written.

It follows from what a route says of itself: numbers in its path are ids, parameters that are no arrays have one value,
and a body is JSON, or of one of the route's ``media_types``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request
from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIType, Parameter, Schema
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tokenbudget_server.web.parameters import read_id
from tokenbudget_server.web.problems import INVALID_REQUEST, UNSUPPORTED_ENCODING, FieldError, ProblemError

_SCALARS = {OpenAPIType.STRING, OpenAPIType.INTEGER, OpenAPIType.NUMBER, OpenAPIType.BOOLEAN}
_SINGLE_VALUED = "single_valued"
_TAKES_BODY = "takes_body"
_MEDIA_TYPES = "media_types"
_JSON = "application/json"


class IdsInPaths(ReceiveRoutePlugin):
    """Makes whole numbers in paths ids, as `web.parameters.read_id` reads them: there is nothing at another number."""

    def receive_route(self, route: BaseRoute) -> None:
        """Replace how a route reads its path, before requests are routed."""
        for name, parameter in route.path_parameters.items():
            if parameter.type is int:
                route.path_parameters[name] = parameter._replace(parser=read_id)


def mark(route: HTTPRoute, handler: HTTPRouteHandler, documented: Sequence[Parameter]) -> None:
    """Note what `check_request` asks of requests to a handler.

    Parameters
    ----------
    documented : sequence of Parameter
        Parameters of the query that the handler and its dependencies read by themselves.
    """
    read = {each.name for each in documented if isinstance(each.schema, Schema) and each.schema.type in _SCALARS}
    models = [model for one, model in route.route_handler_map.values() if one is handler]
    typed = {
        each.field_alias
        for model in models
        for each in model.expected_query_params
        if each.param_type is ParamType.QUERY and not each.is_sequence
    }
    handler.opt[_SINGLE_VALUED] = tuple(sorted(read | typed))
    handler.opt[_TAKES_BODY] = takes_body(handler)


def takes_body(handler: HTTPRouteHandler) -> bool:
    """Return whether a handler reads a body: by itself, or as its parameter ``data``."""
    return "body" in handler.opt or "data" in handler.parsed_fn_signature.parameters


async def check_request(request: Request[Any, Any, Any]) -> None:
    """Refuse what a route cannot take, before anything is done for the request.

    Raises
    ------
    ProblemError
        400 for two values of a parameter that has one, 415 for a body that is not JSON by its own account.
    """
    options = request.route_handler.opt
    if request.scope["query_string"]:
        parameters = request.query_params
        for name in options.get(_SINGLE_VALUED, ()):
            if len(parameters.getall(name, ())) > 1:
                reason = "is given more than once: send it once"
                raise ProblemError(INVALID_REQUEST, f"{name} {reason}", [FieldError(field=name, reason=reason)])
    if options.get(_TAKES_BODY):
        media_type = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
        if media_type not in options.get(_MEDIA_TYPES, (_JSON,)):
            said = f"the body is sent as {media_type[:64]!r}: send Content-Type: {_JSON}"
            raise ProblemError(UNSUPPORTED_ENCODING, said)
