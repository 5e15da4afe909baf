"""What holds for all routes holds for those that a feature will add: it is no matter of the handler."""

import asyncio
import json
import logging
from datetime import date
from typing import Any

import msgspec
import psycopg
import pytest
from litestar import Request, get, post
from litestar.testing import TestClient
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.attacks.test_parameters import BODIES, HOSTILE, HOSTILE_JSON, MEDIA_TYPES
from tokenbudget_server.app import mount
from tokenbudget_server.web.features import Feature

NOWHERE = create_async_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")  # Never connected to.


class Thing(msgspec.Struct):
    name: str
    size: int = 0
    made: date | None = None
    parts: list["Thing"] = []


@get("/api/things/{thing_id:int}", sync_to_thread=False)
def get_thing(thing_id: int, page: int = 1, since: date | None = None, kinds: list[str] | None = None) -> list[Any]:
    """Return what was understood."""
    return [thing_id, page, since, kinds]


@get("/api/named/{name:str}", sync_to_thread=False)
def get_named(name: str) -> str:
    """Return a name, which is storable text."""
    name.encode()
    assert "\0" not in name
    return name


@post("/api/things", sync_to_thread=False)
def post_thing(data: Thing) -> Thing:
    """Return what was sent."""
    return data


@post("/api/raw", body=Thing)
async def post_raw(request: Request[Any, Any, Any]) -> Thing:
    """Return what was sent, which is read by the handler itself."""
    return msgspec.json.decode(await request.body())


@get("/api/stored/{how:str}", sync_to_thread=False)
def get_stored(how: str) -> None:
    """Fail as the database does."""
    errors = {
        "nul": psycopg.DataError("text fields cannot contain NUL"),
        "large": DataError("SELECT secret", {}, psycopg.errors.NumericValueOutOfRange("out of range")),
        "ours": DataError("SELECT 1/0", {}, psycopg.errors.DivisionByZero("division by zero")),
        "long": RuntimeError("x" * 100_000),
    }
    raise errors[how]


APP = mount([Feature(name="things", routes=[get_thing, get_named, post_thing, post_raw, get_stored])], NOWHERE)


@pytest.fixture(scope="module")
def client():
    # Without its jobs, which have no database.
    return TestClient(APP, raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog, request):
    yield
    if "how" not in request.fixturenames:
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_paths_and_queries(client):
    for value in HOSTILE:
        for target in (
            f"/api/things/{value or '%20'}",
            f"/api/things/1?page={value}",
            f"/api/things/1?since={value}",
            f"/api/things/1?kinds={value}",
            f"/api/things/1?{value}=1",
            f"/api/named/{value or '%20'}",
        ):
            assert client.get(target).status_code in (200, 400, 404), target
    for number in ("0", "-1", "01", "1_0", "%D9%A1", "+1", str(2**63), "9" * 50):
        assert client.get(f"/api/things/{number}").status_code == 404, number
    assert client.get(f"/api/things/{2**63 - 1}").json()[0] == 2**63 - 1


def test_values_are_single_where_there_is_one(client):
    twice = client.get("/api/things/1?page=1&page=2")
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (400, "page")
    assert client.get("/api/things/1?kinds=a&kinds=b").json()[3] == ["a", "b"]


def test_bodies(client):
    for body in BODIES:
        assert client.post("/api/things", content=body).status_code in (400, 413), body[:40]
    for value in HOSTILE_JSON:
        body = json.dumps({"name": "n", "size": value})
        assert client.post("/api/things", content=body).status_code in (201, 400), value


@pytest.mark.parametrize(
    ("sent", "field", "reason"),
    [
        ({"name": "n", "size": "1"}, "size", "Expected `int`, got `str`"),
        ({"name": "n", "size": 1.5}, "size", "Expected `int`, got `float`"),
        ({"name": "n", "size": True}, "size", "Expected `int`, got `bool`"),
        ({"name": "n", "parts": [{"name": 1}]}, "parts[0].name", "Expected `str`, got `int`"),
        ({"size": 1}, "", "Object missing required field `name`"),
        ([], "", "Expected `object`, got `array`"),
    ],
)
def test_a_body_is_what_is_documented_and_what_is_not_is_named(client, sent, field, reason):
    refused = client.post("/api/things", content=json.dumps(sent))
    assert (refused.status_code, refused.json()["errors"]) == (400, [{"field": field, "reason": reason}])


@pytest.mark.parametrize("path", ["/api/things", "/api/raw"])
def test_bodies_that_are_not_json_or_nested_too_deeply(client, path):
    for media_type in MEDIA_TYPES:
        refused = client.post(path, content=b"{}", headers={"Content-Type": media_type.encode("latin-1")})
        assert refused.status_code == 415
    nested = client.post(path, content=b'{"name":"n","parts":[' * 1_500)
    assert (nested.status_code, nested.json()["detail"]) == (400, "the body is nested too deeply")


@pytest.mark.parametrize("path", ["/api/things", "/api/raw"])
def test_a_client_that_hangs_up_in_the_middle_of_a_body(path):
    pieces = [
        {"type": "http.request", "body": b'{"name":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = []

    async def receive():
        return pieces.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-length", b"1000")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    asyncio.run(APP(scope, receive, send))
    assert 400 <= sent[0]["status"] < 500
    assert json.loads(sent[1]["body"])["detail"] == "the body ended too early: send it whole"


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [("nul", 400, ["A value"]), ("large", 400, ["A value"]), ("ours", 500, ["GET"]), ("long", 500, ["GET"])],
)
def test_get_stored_values_are_the_clients_and_the_rest_is_ours(client, caplog, how, status, said):
    answer = client.get(f"/api/stored/{how}")
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("tokenbudget")]
    assert answer.status_code == status
    assert [message.split(" ")[0] for message in messages] == [each.split(" ")[0] for each in said]
    assert "secret" not in messages[0]
    assert len(messages[0]) < 10_000
    assert ("Traceback" in messages[0]) == (how == "ours")
