"""Feed the prices that come with the library into the database: all at first, later what a newer version knows."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tokenbudget.pricing import PriceBook, PriceRow
    from tokenbudget.pricing.book.diff import TableDiff


def seed(connection: Connection) -> None:
    """Bring the database's book up to the bundled one, in one transaction; does nothing where that was done before.

    A model that the database does not know is added.  A price that came into force later than all that the database
    knows of its model is appended; an earlier one is not, because a sync has told more since.
    """
    from tokenbudget.pricing.book.price_book import BUNDLED, read_file
    from tokenbudget_server.pricing import rows as stored

    provenance, bundled = read_file(files("tokenbudget.pricing").joinpath("data", BUNDLED).read_bytes())
    with connection.begin():
        stored.lock(connection)
        if stored.read_state(connection).bundled == provenance.revision:
            return
        book = stored.read_book(connection)
        if not len(book):
            stored.append_rows(connection, bundled)
        else:
            for found in _news(book, bundled):
                stored.append_rows(connection, found.rows)
                stored.append_changes(connection, found.changes, provenance.revision)
        stored.update_state(connection, is_changed=True, revision=provenance.revision, bundled=provenance.revision)


def _news(book: PriceBook, bundled: list[PriceRow]) -> Iterator[TableDiff]:
    from tokenbudget.pricing import PriceBook
    from tokenbudget.pricing.book.diff import EVERYTHING, Table, diff
    from tokenbudget.pricing.book.price_book import began

    for row in bundled:
        latest = book.latest(row.key)
        if latest is None or began(row.effective_from) > began(latest.effective_from):
            known = PriceBook(book.history(row.key))
            found = diff(known, Table((row,), {}), at=row.effective_from, confirmed=EVERYTHING)
            book = book.with_rows(found.rows) if found.rows else book
            yield found
