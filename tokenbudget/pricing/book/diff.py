"""Compare a newer price table with the book, and check it; pure, so that a laptop and a server do the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from tokenbudget.core.errors import PriceError
from tokenbudget.pricing.book.field_names import parse
from tokenbudget.pricing.book.price_book import PriceBook, PriceRow

EVERYTHING = frozenset({"*"})
_LARGEST_MOVE = 10
_LARGEST_LOSS = 0.5
# US dollars per token and per other unit that no model has ever come near. The table sometimes states higher ones:
# prices per thousand or per million tokens, entered as prices per token.
_DEAREST_TOKEN = Decimal("0.0015")
_DEAREST_UNIT = Decimal(1000)
_NOT_MODELS = ("sample_spec", "fallback_generalizations")
# What decides a price beside the fields that the grammar reads.
RULES = frozenset({
    "off_peak_pricing",
    "provider_specific_entry",
    "regional_endpoint_uplift_multiplier",
    "regional_processing_uplift_multiplier_eu",
    "regional_processing_uplift_multiplier_us",
    "search_context_cost_per_query",
    "search_free_requests",
    "tiered_pricing",
    "web_search_billing_unit",
})  # fmt: skip

Kind = Literal["new", "raised", "lowered", "changed", "removed"]


class PriceChange(msgspec.Struct, frozen=True, kw_only=True):
    """One price that a newer table states differently.

    Attributes
    ----------
    key, provider : str
        The row.
    kind : {"new", "raised", "lowered", "changed", "removed"}
        ``new`` and ``removed`` are of a whole model when `field` is empty, else of the field.
    field : str
        The price field, nested ones with dots.
    before, after : Decimal or None
        US dollars per unit.
    effective_from : datetime or None
        UTC; from when on the new price holds.
    """

    key: str
    provider: str
    kind: Kind
    field: str = ""
    before: Decimal | None = None
    after: Decimal | None = None
    effective_from: datetime | None = None


class Table(msgspec.Struct, frozen=True):
    """A parsed table: the plausible rows, and the problem of each other row, by key."""

    rows: tuple[PriceRow, ...]
    refused: dict[str, str]


class TableDiff(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to append to the book, and the prices held back.

    Attributes
    ----------
    rows : tuple of PriceRow
        To append; applying them twice changes nothing more.
    changes : tuple of PriceChange
        What the rows change, price by price.
    held : tuple of PriceChange
        Moves of more than tenfold: their models keep the old price until the key is confirmed.
    refused : dict of str to str
        Keys whose new prices cannot be true, and why: their models keep the old price.
    """

    rows: tuple[PriceRow, ...] = ()
    changes: tuple[PriceChange, ...] = ()
    held: tuple[PriceChange, ...] = ()
    refused: dict[str, str] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Models with a change of each kind; a model may count as raised and as lowered."""
        keys: dict[str, set[str]] = {kind: set() for kind in _KINDS}
        for change in self.changes:
            # A field that comes or goes makes no model new or removed.
            if change.kind in ("raised", "lowered") or (change.kind in keys and not change.field):
                keys[change.kind].add(change.key)
        held = {change.key for change in self.held}
        return {kind: len(found) for kind, found in keys.items()} | {"held": len(held), "refused": len(self.refused)}


_KINDS: tuple[Kind, ...] = ("new", "raised", "lowered", "removed")


def is_price(name: str) -> bool:
    """Return whether a field of the table affects costs; unknown fields with "cost" in their name count."""
    return name in RULES or "cost" in name or "multiplier" in name or "pricing" in name


def read_table(table: Mapping[str, Any], source: str) -> Table:
    """Convert LiteLLM's table to price rows, without implausible ones.

    Parameters
    ----------
    table : mapping
        The parsed JSON, fractions as `Decimal`.
    source : str
        Its revision, e.g. ``litellm 1.109.1``.
    """
    rows: list[PriceRow] = []
    refused: dict[str, str] = {}
    for key, entry in table.items():
        if key in _NOT_MODELS:
            continue
        prices = {name: value for name, value in entry.items() if is_price(name)} if isinstance(entry, dict) else None
        if problem := "no table of fields" if prices is None else next(_problems(prices), None):
            refused[key] = problem
        elif prices is not None:
            provider, mode = str(entry.get("litellm_provider") or ""), str(entry.get("mode") or "")
            rows.append(PriceRow.make(key, prices, provider=provider, mode=mode, source=source))
    return Table(tuple(rows), refused)


def _problems(prices: Mapping[str, Any]) -> Iterator[str]:
    for path, value in flat(prices):
        field = parse(path.rpartition(".")[2])
        if field is None:
            continue
        number = _number(value)
        if number is None or not number.is_finite() or number < 0:
            yield f"{path} is {value!r}, no price"
        elif number > (_DEAREST_TOKEN if field.unit == "token" else _DEAREST_UNIT):
            yield f"{path} is {value} US dollars per {field.unit}, too much to be true"


def flat(fields: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return the values of nested fields with their dotted paths."""
    if isinstance(fields, dict):
        for name, value in fields.items():
            yield from flat(value, f"{path}.{name}" if path else name)
    elif isinstance(fields, list):
        for index, value in enumerate(fields):
            yield from flat(value, f"{path}.{index}")
    elif fields is not None:
        yield path, fields


def diff(book: PriceBook, newer: Table, *, at: datetime | None, confirmed: Collection[str] = ()) -> TableDiff:
    """Compare a newer table with the book.

    A new model's price holds since ever, because no earlier one is known; a changed one holds from `at` on.  A model
    that the table has dropped keeps its last price and is marked.

    Parameters
    ----------
    book : PriceBook
    newer : Table
        The whole newer table.
    at : datetime or None
        UTC; when the changes come into force.
    confirmed : collection of str
        Keys whose prices may move more than tenfold; `EVERYTHING` for all.

    Raises
    ------
    PriceError
        If the table lacks more than half of the models that the book lists: a broken download.
    """
    rows = {row.key: row for row in newer.rows}
    listed = {key for key in book if (row := book.latest(key)) and row.listed}
    gone = listed - rows.keys() - newer.refused.keys()
    if len(gone) > _LARGEST_LOSS * len(listed):
        msg = f"the table lacks {len(gone)} of {len(listed)} models: it looks broken, nothing was changed"
        raise PriceError(msg)
    appended: list[PriceRow] = []
    changes: list[PriceChange] = []
    held: list[PriceChange] = []
    for row in rows.values():
        before = book.latest(row.key)
        found = list(_changes(before, row, at))
        if any(map(_is_wild, found)) and row.key not in confirmed and "*" not in confirmed:
            held += filter(_is_wild, found)
        elif found:
            changes += found
            appended.append(msgspec.structs.replace(row, effective_from=at if before else None))
    for key in sorted(gone):
        last = book.history(key)[-1]
        changes.append(PriceChange(key=key, provider=last.provider, kind="removed", effective_from=at))
        appended.append(msgspec.structs.replace(last, listed=False, effective_from=at))
    return TableDiff(rows=tuple(appended), changes=tuple(changes), held=tuple(held), refused=newer.refused)


def _changes(before: PriceRow | None, row: PriceRow, at: datetime | None) -> Iterator[PriceChange]:
    if before is None or not before.listed:
        yield PriceChange(key=row.key, provider=row.provider, kind="new", effective_from=at if before else None)
    if before is None or before.prices == row.prices:
        return
    old, new = dict(flat(before.fields())), dict(flat(row.fields()))
    for field in sorted(old.keys() | new.keys()):
        one, other = old.get(field), new.get(field)
        if one != other:
            yield PriceChange(
                key=row.key,
                provider=row.provider,
                kind=_kind(one, other),
                field=field,
                before=_number(one),
                after=_number(other),
                effective_from=at,
            )


def _kind(before: Any, after: Any) -> Kind:
    if before is None:
        return "new"
    if after is None:
        return "removed"
    one, other = _number(before), _number(after)
    if one is None or other is None:
        return "changed"
    return "raised" if other > one else "lowered"


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _is_wild(change: PriceChange) -> bool:
    """Return whether a price changes more than tenfold, or becomes zero."""
    before, after = change.before, change.after
    if not before or after is None:
        return False
    return not before / _LARGEST_MOVE <= after <= before * _LARGEST_MOVE
