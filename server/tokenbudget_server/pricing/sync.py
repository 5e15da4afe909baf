"""Bring the server's prices up to date: fetch the table, check it, append what changed, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.errors import PriceError
from tokenbudget.pricing.book.diff import PriceChange, Table, TableDiff, diff, read_table
from tokenbudget.pricing.book.sync import parse_json
from tokenbudget_server.pricing import rows as stored
from tokenbudget_server.pricing.download import Downloaded, download, shown
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.errors import PriceTableError
from tokenbudget_server.web.scope import SERVER, Scope


class Held(msgspec.Struct, frozen=True):
    """A price that moved more than tenfold and waits for ``{"confirm": [key]}``; US dollars per unit."""

    key: str
    provider: str
    field: str
    before: Decimal | None
    after: Decimal | None

    @classmethod
    def of(cls, change: PriceChange) -> Held:
        """Show a change that was held."""
        return cls(change.key, change.provider, change.field, change.before, change.after)


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did.

    Attributes
    ----------
    new, raised, lowered, removed, held, unchanged : int
        Models; one may count as raised and as lowered.
    to_confirm : list of Held
        The moves that were held: their models keep the old price until their keys are confirmed.
    refused : dict of str to str
        Models whose new prices cannot be true, and why; they keep the old price.
    """

    new: int = 0
    raised: int = 0
    lowered: int = 0
    removed: int = 0
    held: int = 0
    unchanged: int = 0
    to_confirm: list[Held] = []
    refused: dict[str, str] = {}


class PriceSync:
    """Fetches the price table into the database.

    Parameters
    ----------
    engine : AsyncEngine
    prices : Prices
        Told when they changed.
    url : str
        Where the table is.
    """

    def __init__(self, engine: AsyncEngine, prices: Prices, url: str) -> None:
        self._engine = engine
        self._prices = prices
        self._url = url

    async def sync(self, confirmed: Collection[str] = (), scope: Scope = SERVER) -> Synced:
        """Fetch the table and append what changed, in one transaction; changed prices come into force now.

        Parameters
        ----------
        confirmed : collection of str
            Keys of models whose prices may move more than tenfold; ``*`` for all.
        scope : Scope
            Who asks for it.

        Raises
        ------
        PriceTableError
            If the table cannot be fetched or believed; nothing is changed then.
        """
        try:
            return await self._sync(confirmed, scope)
        except PriceError as error:
            raise PriceTableError(str(error)) from error

    async def _sync(self, confirmed: Collection[str], scope: Scope) -> Synced:
        fetched = await download(self._url, None if confirmed else await self._known_etag())
        now = datetime.now(UTC)
        if fetched is None:
            return await self._not_modified(scope, now)
        table = await asyncio.to_thread(_parse, fetched, f"{shown(self._url)} {now:%Y-%m-%d}")
        async with self._engine.begin() as connection:
            synced = await connection.run_sync(self._apply, scope, table, fetched, confirmed)
        await self._prices.renew()
        return synced

    async def _known_etag(self) -> str | None:
        async with self._engine.connect() as connection:
            state = await connection.run_sync(stored.read_state)
        return state.etag if state.url == self._url else None

    async def _not_modified(self, scope: Scope, now: datetime) -> Synced:
        book = (await self._prices.pricer()).book
        synced = Synced(unchanged=sum(row.listed for key in book if (row := book.latest(key))))
        async with self._engine.begin() as connection:
            await connection.run_sync(lambda sync: stored.update_state(sync, is_changed=False, synced_at=now))
            await connection.run_sync(self._audit, scope, synced, ())
        return synced

    def _apply(
        self, connection: Connection, scope: Scope, table: Table, fetched: Downloaded, confirmed: Collection[str]
    ) -> Synced:
        stored.lock(connection)
        # Not before the lock: of two syncs the later one to write must have the later date.
        now = datetime.now(UTC)
        source = f"{shown(self._url)} {now:%Y-%m-%d}"
        found = diff(stored.read_book(connection), table, at=now, confirmed=confirmed)
        stored.append_rows(connection, found.rows)
        stored.append_changes(connection, found.changes, source)
        # What was held must be told of again, so that a table with such prices is fetched again.
        etag = None if found.held else fetched.etag
        revision = {"revision": source} if found.rows else {}
        stored.update_state(
            connection, is_changed=bool(found.rows), url=self._url, etag=etag, synced_at=now, **revision
        )
        synced = _describe(table, found)
        self._audit(connection, scope, synced, confirmed)
        return synced

    def _audit(self, connection: Connection, scope: Scope, synced: Synced, confirmed: Collection[str]) -> None:
        after = {"confirmed": list(confirmed), **msgspec.structs.asdict(synced)}
        audit(connection, scope, "prices.sync", Target("price_table", shown(self._url)), None, after)


def _parse(fetched: Downloaded, source: str) -> Table:
    return read_table(parse_json(fetched.content), source)


def _describe(table: Table, found: TableDiff) -> Synced:
    touched = {change.key for change in (*found.changes, *found.held)}
    counts = {kind: count for kind, count in found.counts.items() if kind != "refused"}  # These are told by name.
    return Synced(
        **counts,
        unchanged=sum(row.key not in touched for row in table.rows),
        to_confirm=list(map(Held.of, found.held)),
        refused=found.refused,
    )
