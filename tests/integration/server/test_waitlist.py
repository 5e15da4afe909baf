"""The waitlist: open to all, told to the admin alone."""

import pytest
from litestar.testing import TestClient

from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

ADMIN = {"X-Admin-Key": "the admin's"}


@pytest.fixture
def stranger(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def test_anybody_joins_and_joining_again_changes_nothing(stranger):
    first = stranger.post("/api/waitlist", json={"email": " Ada@Example.org", "name": "Ada", "note": "12 notebooks\0"})
    again = stranger.post("/api/waitlist", json={"email": "ada@example.org", "name": "Eve"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"email": "ada@example.org"}
    (entry,) = stranger.get("/api/waitlist", headers=ADMIN).json()["rows"]
    assert (entry["email"], entry["name"], entry["note"]) == ("ada@example.org", "Ada", "12 notebooks\ufffd")


def test_it_is_listed_page_by_page_in_order(stranger):
    for name in "abc":
        stranger.post("/api/waitlist", json={"email": f"{name}@example.org"})
    first = stranger.get("/api/waitlist", params={"limit": 2}, headers=ADMIN).json()
    second = stranger.get("/api/waitlist", params={"limit": 2, "cursor": first["next"]}, headers=ADMIN).json()
    assert [row["email"][0] for row in first["rows"] + second["rows"]] == ["a", "b", "c"]
    assert second["next"] is None


@pytest.mark.parametrize("headers", [{}, {"X-Admin-Key": "the admin"}, {"X-Admin-Key": "ü".encode()}])
def test_nobody_else_reads_it(stranger, headers):
    assert stranger.get("/api/waitlist", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"email": ""}, {"email": "ada"}, {"email": 7}, {"email": "a@b.c", "admin": True}, []),
        *({"email": "a@b.c", "name": "n" * 201}, {"email": "a@b.c", "note": "n" * 2_001}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(stranger, sql, body):
    answer = stranger.post("/api/waitlist", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "/problems/invalid-request"
    assert sql("SELECT count(*) FROM waitlist") == [(0,)]


def test_one_address_cannot_fill_it(stranger, sql):
    answers = [stranger.post("/api/waitlist", json={"email": f"{n}@example.org"}) for n in range(12)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert sql("SELECT count(*) FROM waitlist") == [(10,)]
