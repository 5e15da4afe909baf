"""Write events: what waits is written together, and each request is answered when its events are committed.

There is no timer.  While a flusher writes, what arrives waits for it and is written next: one event is written at
once, and the busier the server, the larger the batches.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tokenbudget_server.store.flusher import Flusher
from tokenbudget_server.store.rows import Row
from tokenbudget_server.web.errors import OverloadedError, StoreUnavailableError
from tokenbudget_server.web.quotas import Quota

_log = logging.getLogger(__name__)

FLUSHERS = 2
ROWS_PER_STATEMENT = 2_000
ROWS_WAITING = 50_000
ROWS_WAITING_OF_A_PROJECT = 25_000
"""So that the events of others are taken while one project sends more than the database stores."""


class Written(NamedTuple):
    """What became of the events of one request."""

    accepted: int
    duplicates: int


@dataclass(eq=False, slots=True)
class _Submission:
    """The events of one request, and who waits for them."""

    rows: Sequence[Row]
    done: asyncio.Future[Written] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, written: Written) -> None:
        if not self.done.done():  # The caller may have gone; the events are stored all the same.
            self.done.set_result(written)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Writer:
    """Stores events durably.

    Parameters
    ----------
    url : str
        ``postgresql://…``
    flushers : int
        Statements under way at once; each has a connection and a shard of the rollups to itself.
    """

    def __init__(self, url: str, flushers: int = FLUSHERS) -> None:
        self._flushers = [Flusher(url) for _ in range(flushers)]
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[int, deque[_Submission]] = {}
        self._rows = Quota("events", ROWS_WAITING, ROWS_WAITING_OF_A_PROJECT)
        self._arrived = asyncio.Condition()
        self._closing = False

    async def start(self) -> None:
        """Start the flushers; the database is connected to when there is something to write."""
        self._tasks = [asyncio.create_task(self._run(flusher)) for flusher in self._flushers]

    async def stop(self) -> None:
        """Write what waits, then close the connections."""
        async with self._arrived:
            self._closing = True
            self._arrived.notify_all()
        await asyncio.gather(*self._tasks)
        for flusher in self._flushers:
            await flusher.close()

    async def write(self, project_id: int, rows: Sequence[Row]) -> Written:
        """Store the events of one project; they are committed when this returns.

        Raises
        ------
        OverloadedError, TooManyAtOnceError
            Too much waits already, of all projects or of this one.
        StoreUnavailableError
            The database does not answer.
        """
        if not rows:
            return Written(0, 0)
        submission = _Submission(rows)
        async with self._arrived:
            if self._closing:
                raise OverloadedError("the server stops; send these events again in a moment")
            self._rows.take(project_id, len(rows))
            self._waiting.setdefault(project_id, deque()).append(submission)
            self._arrived.notify()
        return await submission.done

    async def _run(self, flusher: Flusher) -> None:
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                project_id, submissions = self._take()
            await self._flush(flusher, project_id, submissions)

    def _take(self) -> tuple[int, list[_Submission]]:
        """Take what waits for one project; the projects take turns."""
        project_id = next(iter(self._waiting))
        queue = self._waiting.pop(project_id)
        taken = [queue.popleft()]
        rows = len(taken[0].rows)
        while queue and rows + len(queue[0].rows) <= ROWS_PER_STATEMENT:
            rows += len(queue[0].rows)
            taken.append(queue.popleft())
        if queue:
            self._waiting[project_id] = queue
        self._rows.give_back(project_id, rows)
        return project_id, taken

    async def _flush(self, flusher: Flusher, project_id: int, submissions: list[_Submission]) -> None:
        rows = [row for submission in submissions for row in submission.rows]
        try:
            stored = await flusher.insert(project_id, rows)
        except StoreUnavailableError as error:
            for submission in submissions:
                submission.fail(error)
        except Exception as error:  # noqa: BLE001 - the flusher must live, and its callers must hear of it
            await self._flush_apart(flusher, project_id, submissions, error)
        else:
            for submission, written in zip(submissions, _share_out(submissions, stored), strict=True):
                submission.succeed(written)

    async def _flush_apart(
        self, flusher: Flusher, project_id: int, submissions: list[_Submission], error: Exception
    ) -> None:
        """Find out which request the database refuses, so that the others do not suffer."""
        if len(submissions) == 1:
            _log.error("The database refused %d events", len(submissions[0].rows), exc_info=error)
            submissions[0].fail(error)
            return
        for submission in submissions:
            await self._flush(flusher, project_id, [submission])


def _share_out(submissions: list[_Submission], stored: set[bytes] | None) -> list[Written]:
    """Tell each request what became of its events; an event sent twice is the first request's."""
    if stored is None:
        return [Written(len(submission.rows), 0) for submission in submissions]
    shares = []
    for submission in submissions:
        accepted = 0
        for _, id_, *_ in submission.rows:
            if id_ in stored:
                stored.remove(id_)
                accepted += 1
        shares.append(Written(accepted, len(submission.rows) - accepted))
    return shares
