"""Prices of this installation's own: negotiated rates, discounts, private models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.errors import PriceError
from tokenbudget.core.providers import canonical
from tokenbudget.pricing import Override
from tokenbudget.pricing.book import overrides
from tokenbudget.pricing.book.price_book import encode_fields
from tokenbudget_server.db.tables import price_overrides
from tokenbudget_server.pricing import rows as stored
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.web.audit import Target, audit
from tokenbudget_server.web.errors import InvalidPriceError
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.scope import Scope

_OVERRIDES: Keyset[Any, tuple[Id]] = Keyset("price-overrides", tuple[Id], lambda row: (row.id,))


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is paid for a model in place of the table's price; see `tokenbudget.pricing.prices.set`.

    Attributes
    ----------
    provider, model : str
        As calls name them; model ``*`` is all models of the provider.
    effective_from : str or None
        ISO date or instant; null is since ever.
    input_per_million, output_per_million, cache_read_per_million, cache_write_per_million : Decimal or None
        US dollars per million tokens.
    rates : dict
        Fields of the table and US dollars per single unit.
    multiplier : Decimal or None
        0.85 is 15 % off.
    note : str
        Shown as the source in receipts.
    """

    provider: str
    model: str
    effective_from: str | None = None
    input_per_million: Decimal | None = None
    output_per_million: Decimal | None = None
    cache_read_per_million: Decimal | None = None
    cache_write_per_million: Decimal | None = None
    rates: dict[str, Decimal] = {}
    multiplier: Decimal | None = None
    note: str = ""


class StoredPrice(msgspec.Struct, frozen=True):
    """An own price as it is kept; empty `prices` end what held before."""

    provider: str
    model: str
    prices: dict[str, Any]
    effective_from: datetime | None
    note: str

    @classmethod
    def of(cls, override: Override) -> StoredPrice:
        """Show an override."""
        return cls(override.provider, override.model, override.fields(), override.effective_from, override.note)


class OwnPrices:
    """The own prices in the database.

    Parameters
    ----------
    engine : AsyncEngine
    prices : Prices
        Told when they changed.
    """

    def __init__(self, engine: AsyncEngine, prices: Prices) -> None:
        self._engine = engine
        self._prices = prices

    async def list(self, limit: int, cursor: str | None = None) -> Page[StoredPrice]:
        """List own prices, in the order in which they were set.

        Raises
        ------
        CursorError
            If the cursor is not of this list.
        """
        statement = stored.select_overrides().add_columns(price_overrides.c.id).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(price_overrides.c.id > _OVERRIDES.read(cursor)[0])
        async with self._engine.connect() as connection:
            found = (await connection.execute(statement)).all()
        return _OVERRIDES.page(found, limit, _show)

    async def set(self, scope: Scope, price: OwnPrice) -> StoredPrice:
        """Set a price.

        Raises
        ------
        InvalidPriceError
            If a value is missing, contradicts another or is out of bounds.
        """
        try:
            override = overrides.make(**msgspec.structs.asdict(price))
        except PriceError as error:
            raise InvalidPriceError(str(error)) from error
        return await self._append(scope, "price_override.set", override)

    async def end(self, scope: Scope, provider: str, model: str, effective_from: str | None) -> StoredPrice:
        """Go back to the table's price from a date on.

        Raises
        ------
        InvalidPriceError
            If the date cannot be read.
        """
        try:
            when = overrides.instant(effective_from)
        except PriceError as error:
            raise InvalidPriceError(str(error)) from error
        ended = Override(
            provider=canonical(provider), model=model.strip(), prices=encode_fields({}), effective_from=when
        )
        return await self._append(scope, "price_override.end", ended)

    async def _append(self, scope: Scope, action: str, override: Override) -> StoredPrice:
        async with self._engine.begin() as connection:
            after = await connection.run_sync(_append, scope, action, override)
        await self._prices.renew()
        return after


def _show(row: Any) -> StoredPrice:
    (override,) = stored.to_overrides([row])
    return StoredPrice.of(override)


def _append(connection: Connection, scope: Scope, action: str, override: Override) -> StoredPrice:
    stored.lock(connection)
    last = stored.select_last_override(override.provider, override.model)
    before = [_show(row) for row in connection.execute(last)]
    after = StoredPrice.of(override)
    stored.append_override(connection, override)
    stored.update_state(connection, is_changed=True)
    target = Target("price_override", f"{override.provider}/{override.model}")
    audit(connection, scope, action, target, next(iter(before), None), after)
    return after
