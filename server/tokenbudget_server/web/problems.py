"""Every error the API answers with: RFC 9457 problem details, through one handler.

::

    {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "what was wrong and what to do",
     "errors": [{"index": 3, "field": "usage.input_tokens", "reason": "Expected `int | null`, got `str`"}]}
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import InterfaceError, OperationalError

from tokenbudget.core.errors import PeriodError, QueryError
from tokenbudget_server.web.errors import OverloadedError, StoreUnavailableError

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY = {"Retry-After": "1"}
_BAD_QUESTIONS = (PeriodError, QueryError)
_UNAVAILABLE = (StoreUnavailableError, OperationalError, InterfaceError)


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field, of the event at `index` where there are several."""

    index: int | None = None
    field: str
    reason: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 describes it."""

    type: str = msgspec.field(default_factory=lambda: "about:blank")  # A factory, as a default would be left out.
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class ProblemError(HTTPException):
    """An answer other than the one asked for.

    Parameters
    ----------
    status : int
    detail : str
        What was wrong, where and what to do.
    errors : iterable of FieldError
    headers : mapping of str to str, optional
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail=detail, status_code=status, headers=dict(headers or {}))
        self.errors = tuple(errors)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Turn any exception into problem details."""
    problem, headers = _describe(request, error)
    return Response(
        msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers)
    )


def _describe(request: Request[Any, Any, Any], error: Exception) -> tuple[Problem, Mapping[str, str]]:
    if isinstance(error, ProblemError):
        return _problem(error.status_code, error.detail, error.errors), error.headers or {}
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - the server's own mistakes
        return _problem(error.status_code, error.detail, _field_errors(error.extra)), error.headers or {}
    if isinstance(error, _BAD_QUESTIONS):
        return _problem(400, str(error)), {}
    if isinstance(error, OverloadedError):
        return _problem(503, str(error)), _RETRY
    if isinstance(error, _UNAVAILABLE):
        _log.error("The database does not answer: %s", error)
        return _problem(503, "the database does not answer; nothing is lost if you try again"), _RETRY
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _problem(500, "the server made a mistake; its log says more"), {}


def _problem(status: int, detail: str, errors: Iterable[FieldError] = ()) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=tuple(errors))


def _field_errors(extra: Any) -> Iterable[FieldError]:
    """Read what Litestar says of parameters it could not take."""
    if isinstance(extra, list):
        for entry in extra:
            if isinstance(entry, dict) and "message" in entry:
                yield FieldError(field=str(entry.get("key", "")), reason=str(entry["message"]))
