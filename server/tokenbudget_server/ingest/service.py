"""From events as they come to rows that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from tokenbudget.core import usage
from tokenbudget.core.event import Event
from tokenbudget.core.providers import canonical
from tokenbudget.core.sanitize import sanitized
from tokenbudget.pricing import Pricer
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.ingest.decode import Malformed
from tokenbudget_server.ingest.pricing import cost_of
from tokenbudget_server.ingest.validate import Bounds, find_cost_fault, find_fault, is_ordinary
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.store.rows import Row, lay_out
from tokenbudget_server.store.writer import Writer


class Rejected(msgspec.Struct, frozen=True):
    """An event that was not stored, and why."""

    index: int
    id: str
    field: str
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of the events of a request; those accepted are committed.

    Attributes
    ----------
    accepted : int
        Stored now.
    duplicates : int
        Stored before: the id arrived again, which changes nothing.
    rejected : list of Rejected
        Not stored; sending them again as they are is useless.
    """

    accepted: int
    duplicates: int
    rejected: list[Rejected]


def _now() -> datetime:
    return datetime.now(UTC)


class Ingest:
    """Takes events in.

    Parameters
    ----------
    writer : Writer
    prices : Prices
    retention : timedelta or None
        Events older than this are refused.
    clock : callable
        Gives the present, time-zone aware.
    """

    def __init__(
        self,
        writer: Writer,
        prices: Prices,
        retention: timedelta | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._writer = writer
        self._prices = prices
        self._retention = retention
        self._clock = clock

    async def take(self, principal: Principal, events: Iterable[Event | Malformed]) -> Receipt:
        """Store the good ones among events, and say which are not good.

        Parameters
        ----------
        principal : Principal
            Whose key it is; it decides the project.
        events : iterable of Event or Malformed
            In the order of the request; malformed are those that could not even be read.

        Raises
        ------
        ProblemError
            403 if the request came without the key of a project.
        OverloadedError, StoreUnavailableError
            Nothing is acknowledged; sending all of it again is safe.
        """
        rejected: list[Rejected] = []
        rows: list[Row] = []
        sender = principal.sender()
        bounds, pricer = self._bounds(), await self._prices.pricer()
        for index, event in enumerate(events):
            stored = _lay_out(event, bounds, pricer, sender.api_key_id)
            if isinstance(stored, Malformed):
                rejected.append(Rejected(index, *stored))
            else:
                rows.append(stored)
        written = await self._writer.write(sender.project_id, rows)
        return Receipt(written.accepted, written.duplicates, rejected)

    def _bounds(self) -> Bounds:
        now = self._clock()
        return Bounds.at(now, None if self._retention is None else now - self._retention)


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
