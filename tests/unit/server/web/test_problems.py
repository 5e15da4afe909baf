import json
import logging
from collections import Counter
from http import HTTPStatus

import pytest
from litestar import Litestar, get
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.testing import TestClient
from sqlalchemy.exc import OperationalError

from tokenbudget.core.errors import PeriodError, QueryError, TokenBudgetError
from tokenbudget_server.web.errors import CursorError, OverloadedError, StoreUnavailableError
from tokenbudget_server.web.problems import (
    BY_EXCEPTION,
    BY_STATUS,
    FieldError,
    Problem,
    ProblemError,
    Problems,
    ProblemType,
)

TEAPOT = ProblemType("teapot", 418, "It is a teapot", "Ask a coffee maker.")


class TeapotError(TokenBudgetError):
    pass


class SmallTeapotError(TeapotError):
    pass


PROBLEMS = Problems({TeapotError: TEAPOT})
LOST = OperationalError("SELECT secret", {}, Exception("password of the database"))


def answer(error):
    @get("/", sync_to_thread=False)
    def fail() -> None:
        raise error

    with TestClient(Litestar([fail], exception_handlers={Exception: PROBLEMS}, logging_config=None)) as client:
        return client.get("/")


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (PeriodError("no period"), 400, "invalid-period", "no period"),
        (QueryError("no such tag"), 400, "invalid-question", "no such tag"),
        (CursorError("start without"), 400, "invalid-cursor", "start without"),
        (ProblemError(401, "send a key"), 401, "unauthenticated", "send a key"),
        (NotAuthorizedException("who?"), 401, "unauthenticated", "who?"),
        (ProblemError(TEAPOT, "short and stout"), 418, "teapot", "short and stout"),
        (SmallTeapotError("tip me over"), 418, "teapot", "tip me over"),
        (OverloadedError("7 events wait"), 503, "overloaded", "7 events wait"),
        (StoreUnavailableError("at 10.0.0.7"), 503, "database-unavailable", "nothing is lost if you try again"),
        (LOST, 503, "database-unavailable", "nothing is lost if you try again"),
        (TokenBudgetError("of a kind nobody listed"), 500, "internal-error", "its log says more"),
        (ZeroDivisionError("secret"), 500, "internal-error", "its log says more"),
        (HTTPException("secret", status_code=500), 500, "internal-error", "its log says more"),
    ],
)
def test_an_exception_becomes_the_problem_of_the_table(error, status, code, detail):
    response = answer(error)
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{code}")
    assert problem["detail"].endswith(detail)
    assert not {"secret", "password", "10.0.0.7"} & set(response.text.replace('"', " ").split())
    assert ("retry-after" in response.headers) == (status == 503)


def test_fields_are_named():
    errors = [FieldError(field="usage", reason="is missing", index=3)]
    assert answer(ProblemError(400, "no", errors)).json()["errors"] == [
        {"index": 3, "field": "usage", "reason": "is missing"}
    ]
    litestars = ValidationException("no", extra=[{"message": "Expected `int`", "key": "limit"}, {"other": 1}, "text"])
    assert answer(litestars).json()["errors"] == [{"field": "limit", "reason": "Expected `int`"}]


def test_a_status_without_a_type_is_about_nothing_but_its_status():
    problem = answer(HTTPException("gone", status_code=410)).json()
    assert problem == {"type": "about:blank", "title": "Gone", "status": 410, "detail": "gone"}


def test_only_the_servers_faults_are_logged(caplog):
    for error in (PeriodError("x"), ProblemError(404, "x"), OverloadedError("x")):
        answer(error)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    answer(LOST)
    answer(ZeroDivisionError())
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert ["Traceback" in error for error in errors] == [False, True]


def test_codes_are_unique_and_all_types_are_known():
    codes = Counter(kind.code for kind in PROBLEMS.types)
    assert set(codes.values()) == {1}
    assert {kind.code for kind in (*BY_STATUS.values(), *BY_EXCEPTION.values(), TEAPOT)} == set(codes)
    assert all(HTTPStatus(kind.status) >= 400 for kind in PROBLEMS.types)


def test_an_unknown_status_is_a_mistake_in_the_code():
    with pytest.raises(KeyError):
        ProblemError(499, "no such type")


def test_what_is_sent_is_what_the_struct_says():
    sent = answer(PeriodError("x")).content
    assert set(json.loads(sent)) == set(Problem.__struct_fields__) - {"errors"}
