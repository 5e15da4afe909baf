"""Every error the API answers with: RFC 9457 problem details, through one handler.

::

    {"type": "/problems/invalid-request", "title": "The request cannot be understood", "status": 400,
     "detail": "what was wrong and what to do",
     "errors": [{"index": 3, "field": "usage.input_tokens", "reason": "Expected `int | null`, got `str`"}]}

``type`` stays the same from version to version: programs decide by it, people read ``title`` and ``detail``.  Which
exception becomes which problem is said once, in `BY_EXCEPTION`; features add rows of their own
(`tokenbudget_server.web.features`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
from litestar import Request, Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tokenbudget.core.errors import PeriodError, QueryError
from tokenbudget_server.web.bounded_text import clip, one_line, stack_of
from tokenbudget_server.web.errors import (
    ClientGoneError,
    CursorError,
    OverloadedError,
    StoreUnavailableError,
    TooManyAtOnceError,
)

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_ABOUT_NOTHING = "about:blank"
_SERVER_ERRORS = 500
"""What Litestar says, with status 500, where the client is gone before its body was whole."""
_TOO_DEEP = "while deserializing an object"
"""What msgspec says of a body that is nested deeper than Python can follow."""
_NOT_STORABLE = re.compile("22021|22003|22008|22P0[2-5]")
"""SQLSTATEs of values that no column takes: U+0000, a number or a date out of range, a text that is no number."""


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem.

    Attributes
    ----------
    code : str
        Names it; never changes.
    status : int
        Of the answer.
    title : str
        What it is, in one phrase for people.
    meaning : str
        When it arises and what to do about it, for the documentation.
    detail : str
        The detail of all problems of this type, where the exception's own text is not for the client: it is logged.
    retry_after : int or None
        Seconds after which trying again makes sense.
    """

    code: str
    status: int
    title: str
    meaning: str
    detail: str = ""
    retry_after: int | None = None

    @property
    def uri(self) -> str:
        """What ``type`` says in an answer."""
        return f"/problems/{self.code}"


INVALID_REQUEST = ProblemType(
    "invalid-request",
    400,
    "The request cannot be understood",
    "A parameter or the body is missing, malformed or out of bounds. `errors` names the fields.",
)
INVALID_PERIOD = ProblemType(
    "invalid-period",
    400,
    "The period cannot be understood",
    "`period` or `tz` is none that is known. `detail` names the forms that are.",
)
INVALID_QUESTION = ProblemType(
    "invalid-question",
    400,
    "The question cannot be understood",
    "A dimension, filter, interval or limit does not exist or is out of bounds, or the answer would be too "
    "large. `detail` names what does exist, or the limit and how to ask for less.",
)
INVALID_CURSOR = ProblemType(
    "invalid-cursor",
    400,
    "The cursor cannot be used",
    "`cursor` is not the `next` of a page of this list, or of another version. Ask for the first page again.",
)
UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    401,
    "Not authenticated",
    "There is no valid API key in `Authorization: Bearer tb_ak_…`, and no session that is valid: sign in again, or use "
    "another key.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    "Not allowed",
    "The key is valid and may not do this.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Not found",
    "There is nothing at this path, or what it names does not exist or is not yours to see.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "The method is not allowed here",
    "The path exists and does not take this method; the header `Allow` names those that it takes.",
)
INCOMPLETE_BODY = ProblemType(
    "incomplete-body",
    408,
    "The body did not come whole",
    "The body pauses too long or takes too long, or the connection ended before it did. Send it again, whole.",
)
CONFLICT = ProblemType(
    "conflict",
    409,
    "It conflicts with what is there",
    "The request contradicts the present state, for example because the same thing is being done already.",
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed",
    412,
    "It was changed meanwhile",
    "`If-Match` names another version than the present one. Get it again, and see if you still want the change.",
)
TOO_LARGE = ProblemType(
    "too-large",
    413,
    "The body is too large",
    "The body is larger than the route takes: 5 MiB unpacked and 1000 events for ingest, 64 KiB elsewhere. "
    "Send it in parts.",
)
UNSUPPORTED_ENCODING = ProblemType(
    "unsupported-encoding",
    415,
    "The body's encoding is not supported",
    "The body is compressed in another way than gzip, or is of another media type than JSON.",
)
VALUE_NOT_STORABLE = ProblemType(
    "value-not-storable",
    400,
    "A value cannot be stored",
    "A text holds U+0000, or a number or a date is beyond what the database keeps.",
    detail="a value cannot be stored: a text holds U+0000, or a number or a date is beyond what the database keeps",
)
TOO_MANY_REQUESTS = ProblemType(
    "too-many-requests",
    429,
    "Too many requests",
    "Try again after `Retry-After` seconds.",
    retry_after=1,
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "The server made a mistake",
    "The request is not at fault. The server's log says more.",
    detail="the server made a mistake; its log says more",
)
OVERLOADED = ProblemType(
    "overloaded",
    503,
    "The server is busy",
    "More is under way than the server wants to hold. Nothing was done; sending it again is safe.",
    retry_after=1,
)
DATABASE_UNAVAILABLE = ProblemType(
    "database-unavailable",
    503,
    "The database does not answer",
    "The server cannot reach its database. Nothing is lost by trying again after `Retry-After` seconds.",
    detail="the database does not answer; nothing is lost if you try again",
    retry_after=1,
)

BY_STATUS: Mapping[int, ProblemType] = {
    kind.status: kind
    for kind in (
        INVALID_REQUEST,
        UNAUTHENTICATED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        INCOMPLETE_BODY,
        CONFLICT,
        PRECONDITION_FAILED,
        TOO_LARGE,
        UNSUPPORTED_ENCODING,
        TOO_MANY_REQUESTS,
    )
}
"""What an answer is of which only the status is known: Litestar's own, and a `ProblemError` without a type."""

BY_EXCEPTION: Mapping[type[Exception], ProblemType] = {
    PeriodError: INVALID_PERIOD,
    QueryError: INVALID_QUESTION,
    CursorError: INVALID_CURSOR,
    ClientGoneError: INVALID_REQUEST,
    OverloadedError: OVERLOADED,
    TooManyAtOnceError: TOO_MANY_REQUESTS,
    StoreUnavailableError: DATABASE_UNAVAILABLE,
    psycopg.DataError: VALUE_NOT_STORABLE,
    DataError: VALUE_NOT_STORABLE,
    OperationalError: DATABASE_UNAVAILABLE,
    InterfaceError: DATABASE_UNAVAILABLE,
    PoolTimeoutError: DATABASE_UNAVAILABLE,
    Exception: INTERNAL_ERROR,
}
"""What an exception is answered with; of its classes, the nearest one counts."""


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field, of the event at `index` where there are several."""

    index: int | None = None
    field: str
    reason: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 describes it."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class ProblemError(HTTPException):
    """An answer other than the one asked for.

    Parameters
    ----------
    kind : ProblemType or int
        Of a status alone, the type is the one of `BY_STATUS`.
    detail : str
        What was wrong, where and what to do.
    errors : iterable of FieldError
    headers : mapping of str to str, optional
    """

    def __init__(
        self,
        kind: ProblemType | int,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = BY_STATUS[kind] if isinstance(kind, int) else kind
        super().__init__(detail=detail, status_code=self.kind.status, headers=dict(headers or {}))
        self.errors = tuple(errors)


class Problems:
    """Turns any exception into problem details.

    Parameters
    ----------
    by_exception : mapping of exception type to ProblemType
        Rows of the features, beside those of `BY_EXCEPTION`.
    """

    def __init__(self, by_exception: Mapping[type[Exception], ProblemType] | None = None) -> None:
        self._by_exception = {**BY_EXCEPTION, **(by_exception or {})}

    @property
    def types(self) -> list[ProblemType]:
        """Every type that an answer may have, by status and code."""
        found = {kind.code: kind for kind in (*BY_STATUS.values(), *self._by_exception.values())}
        return sorted(found.values(), key=lambda kind: (kind.status, kind.code))

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Answer a request at which something went wrong."""
        problem, headers = self._describe(request, error)
        content = msgspec.json.encode(problem)
        return Response(content, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers))

    def _describe(self, request: Request[Any, Any, Any], error: Exception) -> tuple[Problem, Mapping[str, str]]:
        if (fault := _clients_fault(error)) is not None:
            return fault, {}
        if isinstance(error, ProblemError):
            return describe_problem(error.kind, error.detail, error.errors), error.headers or {}
        if isinstance(error, HTTPException) and error.status_code < _SERVER_ERRORS:
            return _refused(error), error.headers or {}
        kind = self._kind(error)
        if kind is INTERNAL_ERROR:
            _log.error("%s %s failed\n%s", request.method, one_line(ascii(request.scope["path"])), stack_of(error))
        elif kind.detail:
            level = logging.ERROR if kind.status >= _SERVER_ERRORS else logging.WARNING
            _log.log(level, "%s: %s", kind.title, one_line(getattr(error, "orig", None) or error))
        headers = {} if kind.retry_after is None else {"Retry-After": str(kind.retry_after)}
        return describe_problem(kind, kind.detail or str(error)), headers

    def _kind(self, error: Exception) -> ProblemType:
        kind = next(self._by_exception[class_] for class_ in type(error).__mro__ if class_ in self._by_exception)
        return INTERNAL_ERROR if kind is VALUE_NOT_STORABLE and not _is_a_value(error) else kind


def _clients_fault(error: Exception) -> Problem | None:
    """Describe what is the client's fault though its class does not say so; None for all else."""
    if isinstance(error, RecursionError) and str(error).endswith(_TOO_DEEP):
        return describe_problem(INVALID_REQUEST, "the body is nested too deeply")
    return None


def _is_a_value(error: Exception) -> bool:
    """Return whether the database refused a value, and not what the server did with it, such as to divide by zero."""
    cause = error.orig if isinstance(error, DataError) else error
    sqlstate = getattr(cause, "sqlstate", None)  # None where the driver refused it by itself.
    return sqlstate is None or _NOT_STORABLE.fullmatch(sqlstate) is not None


def describe_problem(kind: ProblemType, detail: str, errors: Iterable[FieldError] = ()) -> Problem:
    """Return what an answer says of a problem."""
    return Problem(type=kind.uri, title=kind.title, status=kind.status, detail=clip(detail), errors=tuple(errors))


def _refused(error: HTTPException) -> Problem:
    """Describe what Litestar refuses by itself."""
    if (kind := BY_STATUS.get(error.status_code)) is not None:
        errors = tuple(_field_errors(error.extra))
        fields = "; ".join(f"{each.field}: {each.reason}" for each in errors)  # Litestar's own is the URL.
        return describe_problem(kind, fields or error.detail, errors)
    title = HTTPStatus(error.status_code).phrase
    return Problem(type=_ABOUT_NOTHING, title=title, status=error.status_code, detail=error.detail)


def _field_errors(extra: Any) -> Iterable[FieldError]:
    """Read what Litestar says of parameters it could not take."""
    if isinstance(extra, list):
        for entry in extra:
            if isinstance(entry, dict) and "message" in entry:
                yield FieldError(field=str(entry.get("key", "")), reason=clip(str(entry["message"])))
