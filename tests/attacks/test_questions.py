"""Questions, however many and however long, stop nobody: neither ingest nor health, nor the questions of others."""

import json
import socket
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget.analytics import answers
from tokenbudget.core.ids import uuid7
from tokenbudget_server.accounts import keys
from tokenbudget_server.app import create_app
from tokenbudget_server.db import engines
from tokenbudget_server.settings import Settings
from tokenbudget_server.web import cancellation, pools

pytestmark = pytest.mark.postgres

PATIENCE_SECONDS = 60


@pytest.fixture
def client(postgres_url, tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "_ROUNDS", 4)
    with TestClient(
        create_app(Settings(home=tmp_path, database_url=postgres_url)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def headers_of(postgres_url):
    """Make a key that nobody has used yet: ``headers_of("a name")``."""

    def headers(name):
        key = make_key(postgres_url, make_project(postgres_url, name), make_member(postgres_url, name))
        return {"Authorization": f"Bearer {key}"}

    return headers


@pytest.fixture
def held(monkeypatch):
    """Hold up whatever asks for a summary until told to go on; what began is counted."""
    go, begun, summary = threading.Event(), threading.Semaphore(0), answers.summary

    def wait(*asked, **how):
        begun.release()
        assert go.wait(PATIENCE_SECONDS)
        return summary(*asked, **how)

    monkeypatch.setattr(answers, "summary", wait)
    yield go, begun
    go.set()


def event():
    return {
        "id": uuid7(),
        "occurred_at": datetime.now(UTC).isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def test_who_asks_too_much_is_refused_and_all_others_are_served(client, headers_of, held):
    go, begun = held
    asks, sends = headers_of("asks"), headers_of("sends")
    with ThreadPoolExecutor(40) as threads:

        def ask(number):
            return client.get(f"/api/analytics/summary?model={number}", headers=asks)

        asked = [threads.submit(ask, number) for number in range(40)]
        for _ in range(pools.QUESTIONS_AT_ONCE - 1):
            assert begun.acquire(timeout=PATIENCE_SECONDS)
        # They hold all threads that one caller may have. A key that comes for the first time is checked and served.
        assert client.post("/v1/events", headers=sends, content=json.dumps(event())).status_code == 202
        assert client.get("/health").status_code == 200
        assert client.get("/api/analytics/by-model", headers=sends).json()["rows"][0]["requests"] == 1
        go.set()
        answered = [each.result(PATIENCE_SECONDS) for each in asked]
    assert {answer.status_code for answer in answered} == {200, 429}
    (refused,) = {(answer.json()["type"], answer.headers["Retry-After"]) for answer in answered if answer.is_error}
    assert refused == ("/problems/too-many-requests", "1")
    assert begun.acquire(timeout=0), "the others began when there was room"


def test_of_callers_beyond_number_the_last_are_told_to_try_again(client, headers_of, held, monkeypatch):
    go, begun = held
    callers = [headers_of(f"caller {number}") for number in range(8)]
    with ThreadPoolExecutor(128) as threads:

        def ask(number):
            return client.get(f"/api/analytics/summary?model={number}", headers=callers[number % 8])

        asked = [threads.submit(ask, number) for number in range(128)]
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        refused = [each for each in asked if not begun.acquire(timeout=0) and each.done()]
        go.set()
        answered = [each.result(PATIENCE_SECONDS) for each in asked]
    assert {answer.status_code for answer in answered} <= {200, 429, 503}
    assert all("Retry-After" in answer.headers for answer in answered if answer.is_error), refused


def test_a_question_that_takes_too_long_is_ended_and_says_how_to_ask_for_less(client, headers_of, held, monkeypatch):
    monkeypatch.setattr(cancellation.run_for, "__kwdefaults__", {"caller": None, "seconds": 0.1})
    answer = client.get("/api/analytics/summary", headers=headers_of("slow"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/overloaded")
    assert "ask about a shorter period" in answer.json()["detail"]
    assert answer.headers["Retry-After"] == "1"


def test_health_is_answered_while_requests_hold_all_connections(client, headers_of, monkeypatch):
    headers, engine = headers_of("waits"), client.app.dependencies["engine"].dependency()
    monkeypatch.setattr(engine.pool, "_timeout", 0.1)

    async def take_all():
        return [await engine.connect() for _ in range(engine.pool.size() + engine.pool._max_overflow)]

    async def give_back(connections):
        for connection in connections:
            await connection.close()

    connections = client.blocking_portal.call(take_all)
    try:
        assert client.get("/health").json()["status"] == "ok"
        refused = client.get("/api/projects", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")
        assert refused.headers["Retry-After"] == "1"
    finally:
        client.blocking_portal.call(give_back, connections)
    assert client.get("/api/projects", headers=headers).status_code == 200


def test_a_statement_that_takes_too_long_is_the_databases_and_not_the_servers_mistake(
    postgres_url, tmp_path, headers_of, monkeypatch
):
    monkeypatch.setattr(engines, "STATEMENT_SECONDS", 1)
    app = create_app(Settings(home=tmp_path, database_url=postgres_url))
    with TestClient(app, raise_server_exceptions=False) as client, psycopg.connect(postgres_url) as other:
        headers = headers_of("waits")
        assert client.get("/api/events", headers=headers).status_code == 200
        other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        refused = client.get("/api/events", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.parametrize(
    ("method", "path", "accept", "body"),
    [
        ("GET", "/api/analytics/summary", "application/json", ""),
        ("GET", "/api/events", "application/json", ""),
        ("GET", "/api/events", "application/vnd.apache.arrow.stream", ""),
        ("POST", "/api/reprice", "application/json", '{"dry_run": true}'),
    ],
)
def test_what_was_begun_for_a_client_that_hung_up_is_ended(running_server, method, path, accept, body):
    project = running_server("hangs up")
    httpx.post(f"{project.url}/v1/events", headers=project.headers, content=json.dumps(event())).raise_for_status()
    place = urllib.parse.urlsplit(project.url)
    head = [f"{method} {path} HTTP/1.1", "Host: x", f"Accept: {accept}", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in project.headers.items()]
    with psycopg.connect(project.database) as locks, psycopg.connect(project.database, autocommit=True) as looks:
        locks.execute("LOCK TABLE events, spend_day IN ACCESS EXCLUSIVE MODE")
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())
            until(lambda: looks.execute(WAITING).fetchone()[0] == 1)
        until(lambda: looks.execute(WAITING).fetchone()[0] == 0)
        locks.rollback()
    assert httpx.get(f"{project.url}/api/analytics/summary", headers=project.headers).status_code == 200


def until(is_so):
    """Wait until something is so."""
    waiting = threading.Event()
    for _ in range(PATIENCE_SECONDS * 20):
        if is_so():
            return
        waiting.wait(0.05)
    pytest.fail("it never came to be so")
