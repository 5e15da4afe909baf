"""Calls that this machine recorded in another way, as by a wrapped client: those are not imported a second time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from tokenbudget.journal import JournalSnapshot, read_snapshot

_IMPORTED = b'"source":"import"'
_LONGEST = timedelta(hours=1)
"""A call is recorded when it was sent, and told in a transcript when it was answered."""


class _Recorded(msgspec.Struct):
    response_id: str | None = None


class Recorded:
    """What was recorded under a home when it is first asked.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._snapshot: JournalSnapshot | None = None
        self._open: set[str] = set()

    def among(self, response_ids: Collection[str], first: datetime, last: datetime) -> set[str]:
        """Return those of `response_ids` that are recorded, of calls made between two times.

        Raises
        ------
        JournalError
            If the manifest of the ledger cannot be read.
        """
        if not response_ids:
            return set()
        snapshot = self._seen()
        found = self._open.intersection(response_ids)
        parts = [part for part in snapshot.parts if part.first <= last and part.last >= first - _LONGEST]
        if parts:
            import polars as pl  # Only what was sealed with it can be there.

            for part in parts:
                rows = pl.scan_parquet(part.path(self._home)).filter(
                    pl.col("source") != "import", pl.col("response_id").is_in(list(response_ids))
                )
                found.update(rows.select("response_id").collect()["response_id"])
        return found

    def _seen(self) -> JournalSnapshot:
        if self._snapshot is None:
            self._snapshot = read_snapshot(self._home)
            decode = msgspec.json.Decoder(_Recorded).decode
            for tail in self._snapshot.tails:
                for record in tail.records:
                    if _IMPORTED not in record and (own := decode(record).response_id):
                        self._open.add(own)
            self._snapshot = JournalSnapshot(self._snapshot.generation, self._snapshot.parts, ())
        return self._snapshot
