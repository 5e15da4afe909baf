"""Redis is shared with others, and may freeze: neither costs more than one wait."""

import ast
import asyncio
import os
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from litestar.testing import TestClient

import tokenbudget_server
from tests.plugins.ports import free_port
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.app import create_app
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.web.errors import CacheUnavailableError

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

AWAY = "Redis does not answer, so"
QUESTION = "/api/analytics/summary?period=24h"


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def settings(postgres_url, redis_url, tmp_path):
    from tokenbudget_server.settings import Settings

    return Settings(home=tmp_path, database_url=postgres_url, redis_url=redis_url)


@pytest.fixture
def looks_only_when_told(monkeypatch):
    from datetime import timedelta

    for every in ("cache.client._LOOK_EVERY", "jobs.outbox._EVERY"):
        monkeypatch.setattr(f"tokenbudget_server.{every}", timedelta(days=1))


@contextmanager
def frozen(server):
    os.kill(server._process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server._process.pid, signal.SIGCONT)


def counted(server):
    """What the server has been asked, in all its life: commands and connections."""
    with server.client() as redis:
        info = redis.info("stats")
        return info["total_commands_processed"], info["total_connections_received"]


def own_cost(server):
    """What `counted` itself adds."""
    first, second = counted(server), counted(server)
    return second[0] - first[0], second[1] - first[1]


@pytest.mark.usefixtures("looks_only_when_told")
@pytest.mark.parametrize("is_warm", [False, True], ids=["from the start", "while serving"])
def test_a_frozen_redis_is_asked_once_by_all_requests_together(settings, redis_server, caplog, is_warm):
    key = ensure_first_key(settings.database_url, None)
    with TestClient(create_app(settings)) as client:
        if is_warm:
            assert client.get(QUESTION, headers=bearer(key)).status_code == 200
        cost, before = own_cost(redis_server), counted(redis_server)
        with frozen(redis_server):
            for _ in range(5):
                for path in (QUESTION, "/api/projects", QUESTION.replace("24h", "7d")):
                    assert client.get(path, headers=bearer(key)).status_code == 200
        after = counted(redis_server)
    # What was sent to a frozen server waits there, and is counted once it goes on.
    commands, connections = (after[i] - before[i] - cost[i] for i in (0, 1))
    assert commands <= 4, "one GET, or the first words of one connection"
    assert connections <= 1
    assert caplog.text.count(AWAY) == 1


def test_threads_that_ask_a_silent_redis_at_once_wait_together_and_once(caplog):
    connections, stopping = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        silent.settimeout(0.05)

        def accept():
            while not stopping.is_set():
                try:
                    connections.append(silent.accept()[0])
                except TimeoutError:
                    continue

        accepting = threading.Thread(target=accept)
        accepting.start()

        async def scenario():
            client = RedisClient(f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_timeout=60", here)
            client.open()
            at_once = [asyncio.to_thread(client.get_blocking, "a") for _ in range(4)]
            first = await asyncio.gather(*at_once, return_exceptions=True)
            before = len(connections)
            later = [await asyncio.gather(asyncio.to_thread(client.get_blocking, "a"), return_exceptions=True)] * 20
            await client.close()
            return first, before, later

        first, before, later = asyncio.run(scenario())
        stopping.set()
        accepting.join()
    for connection in connections:
        connection.close()
    assert {type(each) for each in [*first, *(each[0] for each in later)]} == {CacheUnavailableError}
    assert before <= 4
    assert len(connections) == before, "who comes later does not ask"
    assert caplog.text.count(AWAY) == 1


async def here():
    return "here"


def test_a_redis_that_is_not_there_is_said_once_and_missed_by_nobody(settings, caplog):
    key = ensure_first_key(settings.database_url, None)
    gone = replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}")
    with TestClient(create_app(gone)) as client:
        for _ in range(10):
            assert client.get(QUESTION, headers=bearer(key)).status_code == 200
    assert caplog.text.count(AWAY) == 1


def test_every_entry_is_of_this_installation_and_goes_by_itself(settings, redis_server):
    key = ensure_first_key(settings.database_url, None)
    with TestClient(create_app(settings)) as client:
        for path in (QUESTION, "/api/projects", "/api/keys", "/v1/pricing"):
            assert client.get(path, headers=bearer(key)).status_code == 200
    with redis_server.client() as redis:
        names = [name.decode() for name in redis.keys("*")]
        assert len({name.split(":")[1] for name in names}) == 1
        assert all(name.startswith("tokenbudget:") and redis.ttl(name) > 0 for name in names)
        assert not any(key in name or key.encode() in (redis.get(name) or b"") for name in names)


def test_nothing_else_speaks_to_redis():
    root = Path(tokenbudget_server.__file__).parent
    speakers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in imported(node)
        if name.partition(".")[0] == "redis"
    }
    assert speakers == {"cache/client.py"}


def imported(node):
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
