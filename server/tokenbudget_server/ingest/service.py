"""From events as they come to rows that are stored."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tokenbudget.core import usage
from tokenbudget.core.event import Event
from tokenbudget.core.providers import canonical
from tokenbudget.core.sanitize import sanitized
from tokenbudget.pricing import Pricer
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.ingest.decode import Malformed
from tokenbudget_server.ingest.pricing import cost_of
from tokenbudget_server.ingest.schemas import Receipt, Rejected
from tokenbudget_server.ingest.validate import Bounds, find_cost_fault, find_fault, is_ordinary
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.store.rows import Row, lay_out
from tokenbudget_server.store.writer import Writer
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.quotas import Held, Quota

LOOP_SECONDS = 0.02
"""CPU that a request's events may take on the event loop: twice what 1000 usual ones do.  The rest goes to a thread."""
MOST_BYTES = 64 * 2**20
"""Of bodies that wait to be answered, in one process; as they came, and unpacked."""
MOST_BYTES_OF_A_KEY = 24 * 2**20
_EVENTS_PER_LOOK = 8

WhileConnected = Callable[[Awaitable[Any]], Awaitable[Any]]


def _now() -> datetime:
    return datetime.now(UTC)


class Ingest:
    """Takes events in.

    Parameters
    ----------
    writer : Writer
    prices : Prices
    decoding : Pool
        Takes over requests whose events take long.
    retention : timedelta or None
        Events older than this are refused.
    clock : callable
        Gives the present, time-zone aware.
    """

    def __init__(
        self,
        writer: Writer,
        prices: Prices,
        decoding: Pool,
        retention: timedelta | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._writer = writer
        self._prices = prices
        self._decoding = decoding
        self._retention = retention
        self._clock = clock
        self._bodies = Quota("bytes of events", MOST_BYTES, MOST_BYTES_OF_A_KEY)

    def holding(self, principal: Principal) -> AbstractContextManager[Held]:
        """Count what is held of a caller's bodies until they are answered."""
        return self._bodies.holding(principal.credential.id)

    async def take(
        self, principal: Principal, events: Iterable[Event | Malformed], while_connected: WhileConnected
    ) -> Receipt:
        """Store the good ones among events, and say which are not good.

        Parameters
        ----------
        principal : Principal
            Whose key it is; it decides the project.
        events : iterable of Event or Malformed
            In the order of the request; malformed are those that could not even be read.
        while_connected : callable
            Waits for work that ends when the client is gone; what is handed to the writer is stored all the same.

        Raises
        ------
        ProblemError
            403 if the request came without the key of a project.
        OverloadedError, TooManyAtOnceError, StoreUnavailableError
            Nothing is acknowledged; sending all of it again is safe.
        """
        sender = principal.sender()
        work = Preparation(events, self._bounds(), await self._prices.pricer_at_hand(), sender.api_key_id)
        if not work.proceed(LOOP_SECONDS):
            await self._finish(work, sender.api_key_id, while_connected)
        written = await self._writer.write(sender.project_id, work.rows)
        return Receipt(written.accepted, written.duplicates, work.rejected)

    async def _finish(self, work: Preparation, caller: int, while_connected: WhileConnected) -> None:
        try:
            await while_connected(self._decoding.run(work.proceed, caller=caller))
        except BaseException:
            work.stop()
            raise

    def _bounds(self) -> Bounds:
        now = self._clock()
        return Bounds.at(now, None if self._retention is None else now - self._retention)


class Preparation:
    """Makes rows of the events of one request, a part at a time.

    Parameters
    ----------
    events : iterable of Event or Malformed
    bounds : Bounds
    pricer : Pricer
    api_key_id : int
        The key they came with.
    clock : callable
        Gives seconds of CPU: others that keep the processor busy are not this request's fault.

    Attributes
    ----------
    rows : list of Row
    rejected : list of Rejected
    """

    def __init__(
        self,
        events: Iterable[Event | Malformed],
        bounds: Bounds,
        pricer: Pricer,
        api_key_id: int,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._events = enumerate(events)
        self._bounds = bounds
        self._pricer = pricer
        self._api_key_id = api_key_id
        self._clock = clock
        self._is_stopped = False
        self.rows: list[Row] = []
        self.rejected: list[Rejected] = []

    def proceed(self, seconds: float = math.inf) -> bool:
        """Prepare events until all are done or the time is used up; return whether all are done."""
        until = self._clock() + seconds
        bounds, pricer, api_key_id, keep = self._bounds, self._pricer, self._api_key_id, self.rows.append
        for index, event in self._events:
            stored = _lay_out(event, bounds, pricer, api_key_id)
            if isinstance(stored, Malformed):
                self.rejected.append(Rejected(index, *stored))
            else:
                keep(stored)
            if index % _EVENTS_PER_LOOK == 0 and (self._is_stopped or self._clock() > until):
                return False
        return True

    def stop(self) -> None:
        """Prepare no more: the result is not wanted."""
        self._is_stopped = True


def _lay_out(event: Event | Malformed, bounds: Bounds, pricer: Pricer, api_key_id: int) -> Row | Malformed:
    """Check, mend and price an event; or say why it cannot be stored."""
    if isinstance(event, Malformed):
        return event
    event = sanitized(event)
    ordinary = is_ordinary(event.usage)
    if (fault := find_fault(event, bounds, ordinary=ordinary)) is None:
        mended = _mended(event, ordinary=ordinary)
        cost = cost_of(mended, pricer)
        if (fault := find_cost_fault(cost.list_pico or cost.pico)) is None:
            return lay_out(mended, cost, api_key_id, rest=not ordinary)
    return Malformed(event.id[:64], *fault)


def _mended(event: Event, *, ordinary: bool) -> Event:
    """Mend what contradicts itself, and name the provider our way."""
    fixed, warnings = (event.usage, ()) if ordinary else usage.check(event.usage)
    provider = canonical(event.provider)
    if not warnings and provider == event.provider:
        return event
    return msgspec.structs.replace(event, usage=fixed, provider=provider, warnings=event.warnings + warnings)
