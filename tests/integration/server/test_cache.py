"""Redis: shared by processes, told apart by installation, and never waited for twice."""

import asyncio
import os
import signal
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from litestar.testing import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.ports import free_port
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.analytics.conditional import AnswerCache
from tokenbudget_server.app import create_app
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.db.installation import installation_id
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.web.errors import CacheUnavailableError

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


async def here():
    return "here"


async def there():
    return "there"


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def silent():
    """A server that takes connections and never answers; return its URL and the connections."""
    connections, stopping = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def accept():
            while not stopping.is_set():
                try:
                    connections.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}", connections
        stopping.set()
        thread.join()
    for connection in connections:
        connection.close()


@pytest.fixture
def frozen(redis_server):
    """Freeze the Redis server for the length of a ``with`` block."""

    class Frozen:
        def __enter__(self):
            os.kill(redis_server._process.pid, signal.SIGSTOP)

        def __exit__(self, *_):
            os.kill(redis_server._process.pid, signal.SIGCONT)

    return Frozen


@pytest.fixture
def other_installation(postgres_server, template_database, settings, tmp_path):
    """The settings of another installation, and its first key."""
    url = postgres_server.create_database("other_installation", template=template_database)
    yield replace(settings, database_url=url, home=tmp_path / "other"), ensure_first_key(url, None)
    postgres_server.drop_database("other_installation")


def run_job(client, name):
    """Run a job of the application's now."""
    jobs = client.app.dependencies["jobs"].dependency()
    with client.portal() as portal:
        portal.call(jobs._jobs[name].run)


def test_two_installations_that_share_a_redis_stay_two(
    settings, key, other_installation, redis_url, make_event, monkeypatch
):
    others, others_key = other_installation
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    with (
        TestClient(create_app(replace(settings, redis_url=redis_url))) as staging,
        TestClient(create_app(replace(others, redis_url=redis_url))) as production,
    ):
        for client, own, model in ((staging, key, "secret"), (production, others_key, "public")):
            event = make_event(model=model, provider="acme", occurred_at=f"{day}T12:00:00Z")
            assert client.post("/v1/events", json=event, headers=bearer(own)).status_code == 202
        asked = f"/api/analytics/by-model?period={day}"
        answers = [
            client.get(asked, headers=bearer(own)).json()["rows"][0]["model"]
            for client, own in ((staging, key), (production, others_key))
        ]
        assert answers == ["secret", "public"]
        assert staging.get("/api/projects", headers=bearer(key)).status_code == 200
        assert production.get("/api/projects", headers=bearer(key)).status_code == 401
        assert production.post("/api/projects/1/keys", json={"name": "k"}, headers=bearer(key)).status_code == 401


def test_a_copy_of_a_database_is_another_installation(settings, other_installation, sql):
    urls = [settings.database_url, other_installation[0].database_url]
    ((kept,),) = sql("SELECT id FROM installation")
    engine = create_engine(sqlalchemy_url(urls[1]))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT id FROM installation")) == kept, "both are made of one template"
    engine.dispose()

    async def ids():
        engines = [create_async_engine(sqlalchemy_url(url)) for url in (*urls, urls[0])]
        found = [await installation_id(engine) for engine in engines]
        for engine in engines:
            await engine.dispose()
        return found

    one, other, again = asyncio.run(ids())
    assert one == again != other


def test_each_installation_has_its_own_entries(redis_url, redis_server):
    async def scenario():
        one, other = RedisClient(redis_url, here), RedisClient(redis_url, there)
        one.open()
        await one.put({"a": b"1", "b": b"2"}, 60)
        await other.put({"a": b"3"}, 60)
        await asyncio.to_thread(one.put_blocking, "c", b"4", 60)
        in_thread = asyncio.to_thread(one.get_blocking, "c")
        found = [await one.get("a"), await other.get("a"), await other.get("b"), await in_thread]
        await one.delete("a", "b")
        found += [await one.get("a"), await asyncio.to_thread(one.get_blocking, "b"), await other.get("a")]
        await one.close()
        await other.close()
        return found

    assert asyncio.run(scenario()) == [b"1", b"3", None, b"4", None, None, b"3"]
    with redis_server.client() as redis:
        names = {name.decode() for name in redis.keys("*")}
        assert names == {"tokenbudget:here:c", "tokenbudget:there:a"}
        assert all(0 < redis.ttl(name) <= 60 for name in names)


def test_a_silent_redis_is_waited_for_once(silent, caplog):
    url, connections = silent

    async def scenario():
        client = RedisClient(url, here)
        client.open()
        for _ in range(5):
            for asked in (client.get("a"), client.put({"a": b"1"}, 60), client.delete("a")):
                with pytest.raises(CacheUnavailableError):
                    await asked
            with pytest.raises(CacheUnavailableError):
                await asyncio.to_thread(client.get_blocking, "a")
            with pytest.raises(CacheUnavailableError):
                await asyncio.to_thread(client.put_blocking, "a", b"1", 60)
        asked = len(connections)
        await client.look()
        with pytest.raises(CacheUnavailableError):
            await client.get("a")
        await client.close()
        return asked

    assert asyncio.run(scenario()) == 1
    assert caplog.text.count("Redis does not answer, so") == 1


def test_a_redis_that_comes_back_is_asked_again(redis_url, frozen, caplog):
    async def scenario():
        client = RedisClient(redis_url, here)
        client.open()
        await client.put({"a": b"1"}, 60)
        with frozen():
            for _ in range(2):
                with pytest.raises(CacheUnavailableError):
                    await client.get("a")
            await client.look()
            with pytest.raises(CacheUnavailableError):
                await asyncio.to_thread(client.get_blocking, "a")
        await client.look()
        found = [await client.get("a"), await asyncio.to_thread(client.get_blocking, "a")]
        await client.close()
        return found

    assert asyncio.run(scenario()) == [b"1", b"1"]
    assert caplog.text.count("Redis answers again") == 1


@pytest.mark.parametrize("is_open", [False, True])
def test_without_redis_answers_are_remembered_in_memory(is_open):
    async def scenario():
        redis = RedisClient(f"redis://127.0.0.1:{free_port()}", here)
        if is_open:
            redis.open()
        cache = AnswerCache(redis)
        await asyncio.to_thread(cache.put, "x", b"y")
        found = await asyncio.to_thread(cache.get, "x")
        await redis.close()
        return found

    assert asyncio.run(scenario()) == b"y"


def test_a_thread_does_not_wait_for_a_loop_that_has_ended(redis_url):
    redis = RedisClient(redis_url, here)

    async def scenario():
        redis.open()
        await redis.close()

    asyncio.run(scenario())
    with pytest.raises(CacheUnavailableError):
        redis.get_blocking("a")


def test_a_key_revoked_while_redis_is_away_is_forgotten_when_it_is_back(
    settings, headers, redis_url, frozen, sql, monkeypatch
):
    for every in ("cache.client._LOOK_EVERY", "jobs.outbox._EVERY"):  # Nothing happens but what is told to.
        monkeypatch.setattr(f"tokenbudget_server.{every}", timedelta(days=1))
    shared = replace(settings, redis_url=redis_url)
    with TestClient(create_app(shared)) as one, TestClient(create_app(shared)) as other:
        project = one.get("/api/projects", headers=headers).json()["rows"][0]["id"]
        asked = {"name": "k", "scopes": ["admin"]}
        made = one.post(f"/api/projects/{project}/keys", json=asked, headers=headers).json()
        for client in (one, other):
            assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 200
        with frozen():
            assert one.delete(f"/api/keys/{made['key']['id']}", headers=headers).status_code == 204
            assert one.get("/api/keys", headers=bearer(made["text"])).status_code == 401
        assert other.get("/api/keys", headers=bearer(made["text"])).status_code == 200, "Redis was not told yet"
        assert sql("SELECT topic, payload, done_at FROM outbox") == [("accounts.forget-key", made["key"]["id"], None)]
        run_job(one, "look-for-redis")
        sql("UPDATE outbox SET not_before = now() - interval '1 second'")
        run_job(one, "dispatch-outbox")
        for client in (one, other):
            assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 401
        assert sql("SELECT done_at IS NOT NULL FROM outbox") == [(True,)]
