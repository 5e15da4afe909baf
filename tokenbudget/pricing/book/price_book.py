"""The price book: rows of prices, each valid from a date on, never overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec

BUNDLED = "prices.jsonl"

_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")
_values: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any, float_hook=Decimal)


def encode_fields(fields: Mapping[str, Any]) -> msgspec.Raw:
    """Encode price fields as JSON, with exact decimals."""
    return msgspec.Raw(_encoder.encode(fields))


def decode_fields(raw: msgspec.Raw) -> dict[str, Any]:
    """Decode price fields; fractions become decimals, never floats."""
    fields: dict[str, Any] = _values.decode(raw)
    return fields


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The prices of one model from one instant on.

    Attributes
    ----------
    key : str
        Name of the row, as LiteLLM's table spells it: ``gpt-4o``, ``azure/gpt-4o``, ``gemini/gemini-2.5-pro``, …
    prices : msgspec.Raw
        The price fields as JSON, US dollars per unit; decimals are text here and never become binary floats.
    provider : str
        LiteLLM's name of who serves the model.
    mode : str
        ``chat``, ``embedding``, ``image_generation``, …
    source : str
        Where the prices come from, e.g. ``litellm 1.109.1``: the revision that first had them.
    effective_from : datetime or None
        UTC; None is valid from the beginning.
    listed : bool
        False once the source has dropped the model; the price stays its last known one.
    """

    key: str
    prices: msgspec.Raw
    provider: str = ""
    mode: str = ""
    source: str = ""
    effective_from: datetime | None = None
    listed: bool = True

    @classmethod
    def make(cls, key: str, prices: Mapping[str, Any], **rest: Any) -> PriceRow:
        """Make a row from price fields that are numbers (Decimal for exactness) or nested tables.

        Examples
        --------
        >>> PriceRow.make("my-model", {"input_cost_per_token": Decimal("2e-8")}).fields()
        {'input_cost_per_token': Decimal('2E-8')}
        """
        return cls(key=key, prices=encode_fields(prices), **rest)

    def fields(self) -> dict[str, Any]:
        """Return the price fields, fractions as `Decimal`."""
        return decode_fields(self.prices)


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a price file comes from.

    Attributes
    ----------
    revision : str
        The newest source in it, e.g. ``litellm 1.109.1``.
    fetched : str
        ISO date of the day it was fetched.
    url, licence, attribution : str
        What the licence of the source asks to be told.
    """

    revision: str
    fetched: str
    url: str
    licence: str
    attribution: str


class PriceBook:
    """Price rows by key, each key's rows in the order in which they came into force.

    Parameters
    ----------
    rows : iterable of PriceRow
        In any order; of two rows of one key with the same date, the later one given wins.
    revision : str
        Name of the state of the book, shown to people.
    """

    def __init__(self, rows: Iterable[PriceRow], *, revision: str = "") -> None:
        self.revision = revision
        self._rows: dict[str, tuple[PriceRow, ...]] = {}
        dated: list[PriceRow] = []
        for row in rows:
            if row.key in self._rows or row.effective_from is not None:
                dated.append(row)
            else:
                self._rows[row.key] = (row,)
        for row in dated:
            self._add(row)

    @classmethod
    def from_rows(cls, rows: Iterable[PriceRow], *, revision: str = "") -> PriceBook:
        """Make a book of rows, e.g. those of a database."""
        return cls(rows, revision=revision)

    @classmethod
    def bundled(cls) -> PriceBook:
        """Read the book that ships with the library."""
        provenance, rows = read_file(files("tokenbudget.pricing").joinpath("data", BUNDLED).read_bytes())
        return cls(rows, revision=provenance.revision)

    def _add(self, row: PriceRow) -> None:
        history = [old for old in self._rows.get(row.key, ()) if old.effective_from != row.effective_from]
        history.append(row)
        self._rows[row.key] = tuple(sorted(history, key=lambda row: began(row.effective_from)))

    def with_rows(self, rows: Iterable[PriceRow], *, revision: str = "") -> PriceBook:
        """Return a book with additional rows; this one does not change."""
        book = PriceBook((), revision=revision or self.revision)
        book._rows = dict(self._rows)
        for row in rows:
            book._add(row)
        return book

    def history(self, key: str) -> tuple[PriceRow, ...]:
        """Return the rows of a key, oldest first; empty when there is none."""
        return self._rows.get(key, ())

    def latest(self, key: str) -> PriceRow | None:
        """Return the row of a key that came into force last; None when there is none."""
        history = self._rows.get(key)
        return history[-1] if history else None

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def began(effective_from: datetime | None) -> float:
    """Return a date as seconds since 1970, to sort and search by; None sorts first."""
    return float("-inf") if effective_from is None else effective_from.timestamp()


def read_file(content: bytes) -> tuple[Provenance, list[PriceRow]]:
    """Read a price file: a line of provenance, then one row a line."""
    head, _, body = content.partition(b"\n")
    return msgspec.json.decode(head, type=Provenance), msgspec.json.Decoder(PriceRow).decode_lines(body)


def write_file(provenance: Provenance, rows: Iterable[PriceRow]) -> bytes:
    """Write a price file, sorted, so that the change of a price is a change of one line."""
    ordered = sorted(rows, key=lambda row: (row.key, began(row.effective_from)))
    lines = [msgspec.json.encode(provenance), *map(msgspec.json.encode, ordered)]
    return b"\n".join(lines) + b"\n"
