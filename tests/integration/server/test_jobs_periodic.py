"""Jobs in the background: one process at a time, tried again after failures, and gone with the application."""

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from litestar.testing import TestClient
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.ports import free_port
from tokenbudget_server.app import create_app, mount
from tokenbudget_server.db import locks
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.health import feature as health
from tokenbudget_server.jobs.periodic import Periodic, PeriodicJobs
from tokenbudget_server.web.errors import StoreUnavailableError
from tokenbudget_server.web.features import Dependency, Feature

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
LOCK = locks.PRICE_SYNC
SOON = timedelta(milliseconds=1)


class Work:
    """What a job does: it counts its runs, and may fail or wait."""

    def __init__(self, *errors, gate=None):
        self.errors = list(errors)
        self.gate = gate
        self.runs = 0
        self.began = asyncio.Event()
        self.cancelled = False

    async def __call__(self):
        self.runs += 1
        self.began.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def on(postgres_url):
    """Run a coroutine on an engine of its own: ``on(scenario)``."""

    def run(scenario, url=postgres_url):
        async def opened():
            engine = create_async_engine(sqlalchemy_url(url))
            try:
                return await scenario(engine)
            finally:
                await engine.dispose()

        return asyncio.run(opened())

    return run


def job(work, *, lock=LOCK, every=DAY, **more):
    return Periodic(name="work", every=every, run=work, lock=lock, **more)


def row(sql):
    ((failures, error, succeeded, wait),) = sql(
        "SELECT failures, error, succeeded_at IS NOT NULL, due_at - ended_at FROM periodic_jobs WHERE name = 'work'"
    )
    return failures, error, succeeded, wait


def test_one_of_several_processes_does_it_and_once_only(on, sql):
    async def scenario(engine):
        gate = asyncio.Event()
        work = Work(gate=gate)
        first = asyncio.create_task(PeriodicJobs(engine, [job(work)]).turn(job(work)))
        await work.began.wait()
        waits = [await PeriodicJobs(engine, [job(work)]).turn(job(work)) for _ in range(2)]
        gate.set()
        waits.append(await first)
        waits.append(await PeriodicJobs(engine, [job(work)]).turn(job(work)))
        return work.runs, waits

    runs, (busy, also_busy, done, not_due) = on(scenario)
    assert (runs, busy, also_busy, done) == (1, timedelta(minutes=1), timedelta(minutes=1), DAY)
    assert DAY - timedelta(minutes=1) < not_due < DAY
    assert row(sql) == (0, None, True, DAY)


def test_a_restart_neither_skips_nor_repeats_it(on, sql):
    async def scenario(engine):
        work = Work()
        await PeriodicJobs(engine, [job(work)]).turn(job(work))
        return work.runs

    runs = []
    for hours in (0, 23, 2):
        sql("UPDATE periodic_jobs SET due_at = due_at - make_interval(hours => %s)", hours)
        runs.append(on(scenario))
    assert runs == [1, 0, 1]


def test_failures_are_kept_and_tried_again_ever_later(on, sql, caplog):
    async def scenario(engine):
        work = Work(*(StoreUnavailableError(f"no {number}") for number in range(3)), ZeroDivisionError("oh"))
        jobs, seen = PeriodicJobs(engine, [job(work)]), []
        for _ in range(5):
            seen.append((await jobs.turn(job(work)), *row(sql)[:2]))
            async with engine.connect() as connection:
                (state,) = await jobs.states(connection)
            assert state.failures == seen[-1][1]
            sql("UPDATE periodic_jobs SET due_at = now()")
        return seen

    assert on(scenario) == [
        (timedelta(seconds=30), 1, "StoreUnavailableError('no 0')"),
        (timedelta(seconds=60), 2, "StoreUnavailableError('no 1')"),
        (timedelta(seconds=120), 3, "StoreUnavailableError('no 2')"),
        (timedelta(seconds=240), 4, "ZeroDivisionError('oh')"),
        (DAY, 0, None),
    ]
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [bool(record.exc_info) for record in told] == [False, False, False, True]


@pytest.mark.parametrize(
    ("every", "waits"), [(2, [2, 4, 8, 16, 32, 60, 60]), (40, [30, 60, 60]), (100, [30, 60, 100, 100])]
)
def test_the_longest_pause_is_a_minute_or_the_interval(on, every, waits):
    async def scenario(engine):
        failing = job(Work(*[OSError()] * len(waits)), lock=None, every=timedelta(seconds=every))
        jobs = PeriodicJobs(engine, [failing])
        return [(await jobs.turn(failing)).total_seconds() for _ in waits]

    assert on(scenario) == waits


def test_without_a_lock_each_process_does_it_without_the_database(on):
    async def scenario(engine):
        work = Work(OSError("once"))
        jobs, mine = PeriodicJobs(engine, [job(work, lock=None)]), job(work, lock=None)
        await asyncio.gather(jobs.turn(mine), PeriodicJobs(engine, [mine]).turn(mine))
        await jobs.turn(mine)
        return work.runs

    assert on(scenario, f"postgresql://nobody@127.0.0.1:{free_port()}/nothing") == 3


def test_it_is_cancelled_with_the_application_and_leaves_the_lock(on, postgres_url):
    async def scenario(engine):
        work = Work(gate=asyncio.Event())
        async with PeriodicJobs(engine, [job(work)]).running():
            await work.began.wait()
        assert work.cancelled
        with psycopg.connect(postgres_url) as other:  # Postgres ends a session some time after its client.
            other.execute("SET lock_timeout = '10s'")
            other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        again, other_process = Work(), create_async_engine(engine.url)
        await PeriodicJobs(other_process, [job(again)]).turn(job(again))
        await other_process.dispose()
        return again.runs

    assert on(scenario) == 1


def test_it_goes_on_after_the_database_was_away(on, postgres_url, monkeypatch, caplog):
    monkeypatch.setattr("tokenbudget_server.jobs.periodic._FIRST_RETRY", SOON)

    async def scenario(engine):
        work = Work()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("ALTER TABLE periodic_jobs RENAME TO away")
            async with PeriodicJobs(engine, [job(work, every=SOON)]).running():
                while "Cannot tell whether work is due" not in caplog.text:  # noqa: ASYNC110 - nothing else tells
                    await asyncio.sleep(0)
                assert work.runs == 0
                other.execute("ALTER TABLE away RENAME TO periodic_jobs")
                await work.began.wait()

    on(scenario)


async def has_prices():
    return True


def test_a_feature_brings_its_jobs_and_health_tells_of_them(postgres_url):
    engine = create_async_engine(sqlalchemy_url(postgres_url))
    good, bad = Work(), Work(*[OSError("no")] * 9)
    jobs = [
        Periodic(name="good", every=DAY, run=good, lock=LOCK),
        Periodic(name="bad", every=DAY, run=bad),
        Periodic(name="later", every=DAY, run=bad, lock=locks.OUTBOX, delay=DAY),
    ]

    @asynccontextmanager
    async def connected():
        yield
        await engine.dispose()

    feature = Feature(name="work", dependencies={"engine": Dependency.of(engine)}, lifespans=[connected], jobs=jobs)
    with TestClient(mount([feature, health.feature(engine, None, has_prices)], engine)) as client:
        told = {}
        while not (told.get("good", {}).get("last_succeeded_at") and told["bad"]["failures"]):
            told = {each["name"]: each for each in client.get("/health").json()["jobs"]}
    assert (good.runs, bad.runs) == (1, 1)
    assert told["later"] == {"name": "later", "last_succeeded_at": None, "failures": 0}
    assert datetime.fromisoformat(told["good"]["last_succeeded_at"]) <= datetime.now(UTC)


def test_while_a_database_is_distributed_nothing_is_maintained(settings, on, sql):
    """What keeps others waiting holds the lock of the job."""
    partition = f"events_{datetime.now(UTC):%Y_%m}"
    sql("SELECT pg_advisory_lock(%s)", locks.MAINTENANCE)
    sql(f"DROP TABLE {partition}")

    async def scenario(_):
        jobs = create_app(settings).dependencies["jobs"].dependency()
        (maintenance,) = [each for each in jobs._jobs.values() if each.name == "maintain-tables"]
        try:
            return await jobs.turn(maintenance)
        finally:
            await jobs._engine.dispose()

    assert on(scenario) == timedelta(minutes=1)
    assert sql("SELECT to_regclass(%s)", partition) == [(None,)]
    sql("SELECT pg_advisory_unlock_all()")
    assert on(scenario) == timedelta(hours=3)
    assert sql("SELECT to_regclass(%s)::text", partition) == [(partition,)]
