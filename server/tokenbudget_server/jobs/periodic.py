"""Jobs that run every so often while the application serves.

A job with a lock is done once for all processes of an installation, by the one that gets its advisory lock when it is
due.  When that is stands in the table ``periodic_jobs``, so that a restart neither skips nor repeats it.  A job without
a lock is each process' own.  What fails is logged and tried again, at longer and longer intervals.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget.core.errors import TokenBudgetError
from tokenbudget_server.store.tables import periodic_jobs

_log = logging.getLogger(__name__)

_EXPECTED = (TokenBudgetError, SQLAlchemyError, OSError)
"""Failures that say by themselves what is wrong."""
_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=1)
"""Or the job's interval, where that is longer."""
_LONGEST_SLEEP = timedelta(minutes=15)
_OTHERS_TURN = timedelta(minutes=1)
"""How soon to look again where another process has the lock."""
_MOST_JITTER = timedelta(minutes=1)
_ERROR_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """A job that runs every so often.

    Attributes
    ----------
    name : str
        Names it in the log, in the database and in ``/health``.
    every : timedelta
        From the end of one run to the beginning of the next.
    run : callable
        Does it; being cancelled at any ``await`` must do no harm.
    lock : int or None
        Of `tokenbudget_server.store.locks`: one process at a time does it.  None: each process does it.
    delay : timedelta
        How long a process that starts waits before it looks for the first time.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    lock: int | None = None
    delay: timedelta = timedelta()


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """How a job fared.

    Attributes
    ----------
    name : str
    last_succeeded_at : datetime or None
    failures : int
        Since it last succeeded.
    """

    name: str
    last_succeeded_at: datetime | None = None
    failures: int = 0


class PeriodicJobs:
    """Runs jobs.

    Parameters
    ----------
    engine : AsyncEngine
    jobs : sequence of Periodic
    """

    def __init__(self, engine: AsyncEngine, jobs: Sequence[Periodic]) -> None:
        self._engine = engine
        self._jobs = {job.name: job for job in jobs}
        self._own: dict[str, JobState] = {job.name: JobState(name=job.name) for job in jobs if job.lock is None}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the jobs for the length of a ``with`` block; those under way at its end are cancelled."""
        tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._jobs.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def states(self, connection: AsyncConnection) -> list[JobState]:
        """Tell how the jobs fared: those with a lock in any process, the others in this one."""
        names = [name for name in self._jobs if name not in self._own]
        columns = periodic_jobs.c.name, periodic_jobs.c.succeeded_at, periodic_jobs.c.failures
        rows = (await connection.execute(select(*columns).where(periodic_jobs.c.name.in_(names)))).all()
        found = {name: JobState(name=name, last_succeeded_at=at, failures=failures) for name, at, failures in rows}
        return [self._own.get(name) or found.get(name) or JobState(name=name) for name in self._jobs]

    async def turn(self, job: Periodic) -> timedelta:
        """Run a job if it is due; return how long to wait before the next turn.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            If the database does not say whether it is due.
        """
        if job.lock is None:
            return await self._own_turn(job)
        async with _locked(self._engine, job.lock) as connection:
            if connection is None:
                return min(_OTHERS_TURN, job.every)
            failures, wait = await _look_up(connection, job.name)
            if wait > timedelta():
                return wait
            error = await _attempt(job)
            failures = failures + 1 if error is not None else 0
            wait = _pause(job, failures)
            await _note(connection, job.name, wait, failures, error)
            return wait

    async def _own_turn(self, job: Periodic) -> timedelta:
        error, state = await _attempt(job), self._own[job.name]
        if error is None:
            state = JobState(name=job.name, last_succeeded_at=datetime.now(UTC))
        else:
            state = msgspec.structs.replace(state, failures=state.failures + 1)
        self._own[job.name] = state
        return _pause(job, state.failures)

    async def _repeat(self, job: Periodic) -> None:
        await asyncio.sleep(job.delay.total_seconds())
        failures = 0
        while True:
            try:
                wait, failures = await self.turn(job), 0
            except Exception as error:  # noqa: BLE001 - the job must not end with one failure of the database
                failures += 1
                wait = _pause(job, failures)
                trace = None if isinstance(error, _EXPECTED) else error
                _log.error("Cannot tell whether %s is due, again in %s: %s", job.name, wait, error, exc_info=trace)
            await _sleep(min(wait, _LONGEST_SLEEP), job.every)


async def _attempt(job: Periodic) -> str | None:
    """Run a job; return what went wrong."""
    try:
        await job.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
        trace = None if isinstance(error, _EXPECTED) else error
        _log.error("The job %s failed and is tried again: %s", job.name, error, exc_info=trace)
        return repr(error)[:_ERROR_LENGTH]
    return None


def _pause(job: Periodic, failures: int) -> timedelta:
    if not failures:
        return job.every
    first, longest = min(job.every, _FIRST_RETRY), max(job.every, _LONGEST_RETRY)
    return min(longest, first * (1 << min(failures - 1, 20)))


async def _sleep(wait: timedelta, every: timedelta) -> None:
    """Sleep a little longer than told, so that processes do not all come at the same moment."""
    jitter = min(_MOST_JITTER, every / 10)
    await asyncio.sleep((wait + jitter * random.random()).total_seconds())  # noqa: S311 - nothing secret


@asynccontextmanager
async def _locked(engine: AsyncEngine, key: int) -> AsyncIterator[AsyncConnection | None]:
    """Hold an advisory lock; gives the connection that holds it, or None where another session does."""
    async with engine.connect() as connection:
        held = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})
        await connection.commit()  # The lock is the session's: no transaction waits for the job.
        if not held:
            yield None
            return
        try:
            yield connection
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            await connection.commit()
        except BaseException:
            await connection.invalidate()  # The lock goes with the session.
            raise


async def _look_up(connection: AsyncConnection, name: str) -> tuple[int, timedelta]:
    """Return how often a job failed since it last succeeded, and how long until it is due."""
    await connection.execute(insert(periodic_jobs).values(name=name).on_conflict_do_nothing())
    columns = periodic_jobs.c.failures, periodic_jobs.c.due_at - func.clock_timestamp()
    failures, wait = (await connection.execute(select(*columns).where(periodic_jobs.c.name == name))).one()
    await connection.commit()
    return failures, wait


async def _note(connection: AsyncConnection, name: str, wait: timedelta, failures: int, error: str | None) -> None:
    now = func.now()
    values: dict[str, Any] = {"due_at": now + wait, "ended_at": now, "failures": failures, "error": error}
    if error is None:
        values["succeeded_at"] = now
    await connection.execute(periodic_jobs.update().where(periodic_jobs.c.name == name).values(values))
    await connection.commit()
