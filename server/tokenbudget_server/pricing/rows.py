"""Prices in the database: read, and append to, what `tokenbudget.pricing` works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Select, Text, bindparam, cast, insert, select, text, update

from tokenbudget.pricing import Override, PriceBook, PriceRow
from tokenbudget.pricing.book.diff import PriceChange
from tokenbudget_server.store.locks import PRICE_BOOK
from tokenbudget_server.store.tables import price_changes, price_overrides, price_rows, price_state

_ROW_FIELDS = ("key", "provider", "mode", "source", "effective_from", "listed")
_OVERRIDE_FIELDS = ("provider", "model", "effective_from", "note")
_CHANGE_FIELDS = ("key", "provider", "kind", "field", "before", "after", "effective_from")
# JSON goes in and comes out as text: read as numbers, prices would become binary floats.
_PRICES: ColumnElement[Any] = cast(bindparam("text", type_=Text), JSON)


class State(NamedTuple):
    """The row of ``price_state``; see `tokenbudget_server.store.tables`."""

    version: int
    revision: str
    bundled: str
    url: str | None
    etag: str | None
    synced_at: Any


def select_rows() -> Select[Any]:
    """Ask for the whole book, in the order in which it was written."""
    named = [price_rows.c[name] for name in _ROW_FIELDS]
    return select(*named, cast(price_rows.c.prices, Text).label("text")).order_by(price_rows.c.id)


def select_overrides() -> Select[Any]:
    """Ask for this installation's own prices, in the order in which they were set."""
    named = [price_overrides.c[name] for name in _OVERRIDE_FIELDS]
    return select(*named, cast(price_overrides.c.prices, Text).label("text")).order_by(price_overrides.c.id)


def select_last_override(provider: str, model: str) -> Select[Any]:
    """Ask for the price of a model that was set last, if one was."""
    ours = select_overrides().where(price_overrides.c.provider == provider, price_overrides.c.model == model)
    return ours.order_by(None).order_by(price_overrides.c.id.desc()).limit(1)


def select_state() -> Select[Any]:
    """Ask for the state of the prices."""
    return select(*(price_state.c[name] for name in State._fields))


def to_book(found: Sequence[Any], revision: str) -> PriceBook:
    """Make a book of what `select_rows` found."""
    return PriceBook.from_rows((PriceRow(**_values(row, _ROW_FIELDS)) for row in found), revision=revision)


def to_overrides(found: Sequence[Any]) -> list[Override]:
    """Make overrides of what `select_overrides` found."""
    return [Override(**_values(row, _OVERRIDE_FIELDS)) for row in found]


def _values(row: Any, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {**values, "prices": msgspec.Raw(row.text.encode())}


def lock(connection: Connection) -> None:
    """Change prices alone until the transaction ends: what is compared with must still be there when it is written."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PRICE_BOOK})


def read_state(connection: Connection) -> State:
    """Read the state of the prices."""
    return State(*connection.execute(select_state()).one())


def read_book(connection: Connection) -> PriceBook:
    """Read the whole book."""
    return to_book(connection.execute(select_rows()).all(), read_state(connection).revision)


def append_rows(connection: Connection, rows: Sequence[PriceRow]) -> None:
    """Append to the book."""
    if rows:
        connection.execute(insert(price_rows).values(prices=_PRICES), [_written(row, _ROW_FIELDS) for row in rows])


def append_override(connection: Connection, override: Override) -> None:
    """Append a price of this installation's own."""
    connection.execute(insert(price_overrides).values(prices=_PRICES), [_written(override, _OVERRIDE_FIELDS)])


def _written(row: PriceRow | Override, names: Sequence[str]) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in names}, "text": bytes(row.prices).decode()}


def append_changes(connection: Connection, changes: Sequence[PriceChange], source: str) -> None:
    """Note what changed."""
    if changes:
        values = [{name: getattr(change, name) for name in _CHANGE_FIELDS} for change in changes]
        connection.execute(insert(price_changes), [{**value, "source": source} for value in values])


def update_state(connection: Connection, *, is_changed: bool, **values: Any) -> None:
    """Note where the prices come from and, where they changed, have every process read them again."""
    if is_changed:
        values["version"] = price_state.c.version + 1
    connection.execute(update(price_state).values(values))
