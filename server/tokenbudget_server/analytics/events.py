"""Single events as they are stored, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event
from tokenbudget.core.query import DIMENSIONS, Query
from tokenbudget.core.usage import Usage
from tokenbudget.ledger.schema import SENDERS
from tokenbudget_server.ledger.names import Names
from tokenbudget_server.store.rows import USAGE_COLUMNS
from tokenbudget_server.store.tables import events, projects
from tokenbudget_server.web.pagination import DEFAULT_PAGE, LARGEST_PAGE, Keyset, Page
from tokenbudget_server.web.scope import Scope

_NOT_SET = ""

Position = tuple[Annotated[datetime, msgspec.Meta(tz=True)], UUID]
"""Where a page ends: when its last event occurred, and that event's id."""
EVENTS: Keyset[RowMapping, Position] = Keyset("events", Position, lambda row: (row["occurred_at"], row["id"]))


class StoredEvent(Event, frozen=True, kw_only=True):
    """An event with what the server adds to it.

    Attributes
    ----------
    project_id, api_key_id : int
    client_cost_usd : Decimal or None
        What the client had worked out; ``cost_usd`` is the server's price.
    repriced_at : datetime or None
        When the event was last priced again; null if never.
    original_cost_usd : Decimal or None
        What it cost before it was first priced again; null if it had no price then.
    received_at : datetime
    """

    project_id: int
    api_key_id: int
    received_at: datetime
    client_cost_usd: Decimal | None = None
    repriced_at: datetime | None = None
    original_cost_usd: Decimal | None = None


_EVENT_COLUMNS = [column for column in events.c if column.name in StoredEvent.__struct_fields__]
_USAGE_COLUMNS = [events.c[name] for name in (*USAGE_COLUMNS, "usage_rest")]


async def list_events(
    engine: AsyncEngine, scope: Scope, query: Query, names: Names, cursor: str | None = None
) -> Page[StoredEvent]:
    """List the events of a period.

    Parameters
    ----------
    engine : AsyncEngine
    scope : Scope
        Whose projects they are of.
    query : Query
        Period and filters; ``limit`` is the size of a page.
    names : Names
        Of members and keys, for filters by them.
    cursor : str, optional
        Of the page before.

    Raises
    ------
    CursorError
        If the cursor is not of this list.
    QueryError
        If the page is too large.
    """
    size = query.limit or DEFAULT_PAGE
    if size > LARGEST_PAGE:
        raise QueryError(f"limit must be at most {LARGEST_PAGE} events a page, got {size}")
    conditions = [
        events.c.project_id.in_(scope.project_ids),
        events.c.occurred_at >= query.period.start,
        events.c.occurred_at < query.period.end,
        *(_one_of(name, values, names) for name, values in query.filters.items()),
    ]
    position = tuple_(events.c.occurred_at, events.c.id)
    if cursor is not None:
        conditions.append(position < tuple_(*EVENTS.read(cursor)))
    statement = (
        select(*_EVENT_COLUMNS, *_USAGE_COLUMNS, projects.c.name.label("project"))
        .join(projects, projects.c.id == events.c.project_id)
        .where(and_(*conditions))
        .order_by(events.c.occurred_at.desc(), events.c.id.desc())
        .limit(size + 1)
    )
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).mappings().all()
    return EVENTS.page(found, size, _event)


def _one_of(name: str, values: Sequence[str], names: Names) -> ColumnElement[bool]:
    if name in SENDERS:
        sent = events.c.api_key_id.in_(names.numbers(name, values))
        return or_(sent, events.c.api_key_id.not_in(names.numbers(name))) if _NOT_SET in values else sent
    if name == "project":
        column: ColumnElement[Any] = projects.c.name
    elif name in DIMENSIONS:
        column = events.c[name]
    else:
        column = events.c.tags[name.removeprefix("tag.")].astext
    matches = column.in_(values)
    return or_(matches, column.is_(None), column == _NOT_SET) if _NOT_SET in values else matches


def _event(row: RowMapping) -> StoredEvent:
    values = {str(name): value for name, value in row.items()}
    usage = msgspec.convert(
        {**(values.pop("usage_rest") or {}), **{name: values.pop(name) for name in USAGE_COLUMNS}}, Usage
    )
    stored = {name: value for name, value in values.items() if value is not None}
    warnings = tuple(stored.pop("warnings", ()))
    return StoredEvent(**{**stored, "id": str(stored["id"]), "usage": usage, "warnings": warnings})
