"""What newer tables changed: newest first, page by page."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.providers import canonical
from tokenbudget.pricing.book.match import rules_of
from tokenbudget_server.db.tables import price_changes
from tokenbudget_server.web.pagination import Id, Keyset, Page
from tokenbudget_server.web.parameters import read_instant


class Change(msgspec.Struct, frozen=True):
    """One price that a newer table stated differently.

    Attributes
    ----------
    key, provider : str
        The row of the price book, and who serves the model, as the table spells them.
    kind : str
        ``new``, ``raised``, ``lowered``, ``changed`` or ``removed``: of the whole model when `field` is empty.
    before, after : Decimal or None
        US dollars per unit.
    effective_from : datetime or None
        Since when the new price holds; null is since ever.
    recorded_at : datetime
    """

    key: str
    provider: str
    kind: str
    field: str
    before: Decimal | None
    after: Decimal | None
    effective_from: datetime | None
    source: str
    recorded_at: datetime


_CHANGES: Keyset[Any, tuple[Id]] = Keyset("price-changes", tuple[Id], lambda row: (row.id,))


async def list_changes(
    engine: AsyncEngine,
    *,
    limit: int,
    since: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    cursor: str | None = None,
) -> Page[Change]:
    """List changes, the newest first.

    Parameters
    ----------
    since : str, optional
        ISO date (its first instant in UTC) or instant: changes recorded from then on.
    provider : str, optional
        TokenBudget's name of it, or the table's.
    model : str, optional
        Key of a row, or what follows the provider in it.
    cursor : str, optional
        Of the page before.

    Raises
    ------
    CursorError
        If the cursor is not of this list.
    QueryError
        If `since` is no date.
    """
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(price_changes.c.recorded_at >= read_instant("since", since))
    if provider is not None:
        conditions.append(price_changes.c.provider.in_({provider, *rules_of(canonical(provider)).served_by}))
    if model is not None:
        key = price_changes.c.key
        conditions.append(or_(key == model, key.endswith(f"/{model}", autoescape=True)))
    if cursor is not None:
        conditions.append(price_changes.c.id < _CHANGES.read(cursor)[0])
    columns = [price_changes.c[name] for name in Change.__struct_fields__]
    statement = (
        select(*columns, price_changes.c.id).where(*conditions).order_by(price_changes.c.id.desc()).limit(limit + 1)
    )
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).all()
    return _CHANGES.page(found, limit, lambda row: Change(*row[:-1]))
