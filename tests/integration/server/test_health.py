"""What is told of the server's health: with all that it needs, and without each part of it."""

import asyncio
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from tests.plugins.ports import free_port
from tokenbudget import __version__
from tokenbudget_server.app import create_app
from tokenbudget_server.health.service import HealthCheck
from tokenbudget_server.settings import Settings

pytestmark = pytest.mark.postgres

READY = (200, {"status": "ready", "missing": []})


def ask(client, path):
    answer = client.get(path, headers={"Authorization": ""})
    return answer.status_code, answer.json()


@pytest.fixture
def serving(settings):
    """Serve with other settings."""

    def serve(**changed):
        return TestClient(create_app(replace(settings, **changed)), raise_server_exceptions=False)

    return serve


def test_all_is_well(client):
    job = {"name": "maintain-tables", "last_succeeded_at": None, "failures": 0}
    status, told = ask(client, "/health")
    assert (status, told.pop("jobs")[:1]) == (200, [job])
    assert told == {"status": "ok", "version": __version__, "db": "ok", "redis": "off", "degraded": []}
    assert ask(client, "/health/ready") == READY
    assert ask(client, "/health/live") == (200, {"status": "ok"})


@pytest.mark.redis
def test_redis_answers(serving, redis_url):
    with serving(redis_url=redis_url) as client:
        status, told = ask(client, "/health")
    assert (status, told["status"], told["redis"], told["degraded"]) == (200, "ok", "ok", [])


def test_without_redis_the_server_is_degraded_and_ready(serving):
    with serving(redis_url=f"redis://127.0.0.1:{free_port()}") as client:
        status, told = ask(client, "/health")
        assert (status, told["status"], told["redis"], told["degraded"]) == (200, "degraded", "away", ["redis"])
        assert ask(client, "/health/ready") == READY


def test_without_a_database_it_lives_and_is_not_ready(tmp_path):
    nowhere = Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/nothing")
    with TestClient(create_app(nowhere), raise_server_exceptions=False) as client:
        status, told = ask(client, "/health")
        assert (status, told["status"], told["db"], told["version"]) == (503, "unavailable", "away", __version__)
        assert ask(client, "/health/ready") == (503, {"status": "not ready", "missing": ["db"]})
        assert ask(client, "/health/live") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("applied", "missing"), [("'0001'", ["migrations"]), (None, ["migrations"]), ("'9999'", [])], ids=str
)
def test_migrations_that_are_missing_are_named(client, sql, applied, missing):
    sql("DELETE FROM alembic_version" if applied is None else f"UPDATE alembic_version SET version_num = {applied}")
    status, told = ask(client, "/health")
    assert (status, told["status"], told["degraded"]) == (200, "degraded" if missing else "ok", missing)
    assert ask(client, "/health/ready")[1]["missing"] == missing


def test_an_empty_database_is_not_ready(serving, empty_postgres_url):
    with serving(database_url=empty_postgres_url) as client:
        assert ask(client, "/health/ready") == (503, {"status": "not ready", "missing": ["migrations", "prices"]})


def test_prices_that_could_not_be_loaded_are_loaded_when_they_can(serving):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokenbudget_server.pricing.prices.Prices.renew", nothing)
        with serving() as client:
            assert ask(client, "/health/ready") == (503, {"status": "not ready", "missing": ["prices"]})
            patch.undo()
            assert ask(client, "/health/ready") == READY


async def nothing(_):
    pass


def test_a_job_that_fails_again_and_again_is_named(client, sql):
    sql(
        "INSERT INTO periodic_jobs (name, failures) VALUES ('maintain-tables', 3) "
        "ON CONFLICT (name) DO UPDATE SET failures = 3"
    )
    status, told = ask(client, "/health")
    assert (status, told["status"], told["degraded"]) == (200, "degraded", ["job maintain-tables"])
    assert ask(client, "/health/ready") == READY


def test_many_who_ask_at_once_cost_one_look():
    looks = []

    class Check(HealthCheck):
        async def _look(self, jobs):
            looks.append(jobs)
            await asyncio.sleep(0)
            return len(looks)

    async def scenario():
        check = Check(None, None, None)
        assert await asyncio.gather(*(check.health(None) for _ in range(50))) == [1] * 50
        return await check.health(None)

    assert asyncio.run(scenario()) == 2
