"""What is to be done after a transaction, kept by the transaction itself: it is done if and only if that commits.

Each message is handled at least once: a process that is killed half-way leaves it to the next attempt, by whichever
process.  Its id stays the same, so that a handler, or its recipient, can know a message that came before.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.ids import uuid7
from tokenbudget_server.db.locks import OUTBOX
from tokenbudget_server.db.tables import outbox
from tokenbudget_server.jobs.periodic import Periodic

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long an attempt has a message to itself."""
_PATIENCE = LEASE / 2
"""After this an attempt is given up: well before another may begin."""
_LONGEST_PAUSE = timedelta(hours=1)
_KEPT = timedelta(days=7)
_EVERY = timedelta(seconds=2)
_ERROR_LENGTH = 500


class Message(NamedTuple):
    """What is to be done.

    Attributes
    ----------
    id : UUID
        The same at every attempt: the idempotency key.
    topic : str
        Says which handler.
    payload
        What JSON can hold.
    attempt : int
        1 at first.
    """

    id: UUID
    topic: str
    payload: Any
    attempt: int


Handler = Callable[[Message], Awaitable[None]]
"""Does what a message asks for; what it raises is noted, and it is called again later."""


def enqueue(connection: Connection, topic: str, payload: Any, *, id: UUID | None = None) -> UUID:
    """Have something done once the transaction commits.

    Parameters
    ----------
    connection : Connection
        In the transaction; of an asynchronous one, ``await connection.run_sync(enqueue, …)``.
    topic : str
        One that a feature handles.
    payload
        What JSON can hold.
    id : UUID, optional
        Names the message; where there is one of that name already, nothing is added.

    Returns
    -------
    UUID
        The message's id.
    """
    id_ = id or UUID(uuid7())
    values = {"id": id_, "topic": topic, "payload": payload}
    connection.execute(insert(outbox).values(values).on_conflict_do_nothing())
    return id_


class Dispatcher:
    """Hands messages to their handlers.

    Several may do so at once, in this process or in others: each message is claimed by one of them at a time.

    Parameters
    ----------
    engine : AsyncEngine
    handlers : mapping of str to callable
        By topic; messages of other topics wait for a process that knows them.
    """

    def __init__(self, engine: AsyncEngine, handlers: Mapping[str, Handler]) -> None:
        self._engine = engine
        self._handlers = handlers

    @property
    def jobs(self) -> list[Periodic]:
        """What has to run in the background: none where nothing is handled."""
        if not self._handlers:
            return []
        return [
            Periodic(name="dispatch-outbox", every=_EVERY, run=self.dispatch),
            Periodic(name="clean-outbox", every=timedelta(days=1), run=self.clean, lock=OUTBOX),
        ]

    async def dispatch(self) -> int:
        """Attempt every message that is due, one after the other; return how many were handled.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            If the database does not answer.
        """
        handled = 0
        while (message := await self._claim()) is not None:
            handled += await self._attempt(message)
        return handled

    async def clean(self) -> None:
        """Delete what was handled a week ago."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(outbox).where(outbox.c.done_at < func.now() - _KEPT))

    async def _claim(self) -> Message | None:
        """Take the message that is due longest; until its lease ends nobody else gets it."""
        due = (
            select(outbox.c.id)
            .where(outbox.c.done_at.is_(None), outbox.c.not_before <= func.clock_timestamp())
            .where(outbox.c.topic.in_(self._handlers))
            .order_by(outbox.c.not_before)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(outbox)
            .where(outbox.c.id == due.scalar_subquery())
            .values(attempts=outbox.c.attempts + 1, not_before=func.clock_timestamp() + LEASE)
            .returning(outbox.c.id, outbox.c.topic, outbox.c.payload, outbox.c.attempts)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else Message(*row)

    async def _attempt(self, message: Message) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await self._handlers[message.topic](message)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and the others go on
            pause = _pause(message.attempt)
            _log.warning("%s was not done at attempt %d, again in %s: %r", message.topic, message.attempt, pause, error)
            await self._note(message, not_before=func.clock_timestamp() + pause, last_error=repr(error)[:_ERROR_LENGTH])
            return False
        await self._note(message, done_at=func.clock_timestamp(), last_error=None)
        return True

    async def _note(self, message: Message, **values: Any) -> None:
        # An attempt that outlived its lease says nothing of the one that came after it.
        current = outbox.c.id == message.id, outbox.c.attempts == message.attempt
        async with self._engine.begin() as connection:
            await connection.execute(update(outbox).where(*current).values(values))


def _pause(attempt: int) -> timedelta:
    """Return how long to wait after an attempt: 1, 2, 4 … seconds, and not all processes at the same moment."""
    longest = min(timedelta(seconds=2 ** min(attempt - 1, 20)), _LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - nothing secret
