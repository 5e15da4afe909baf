"""What is on its way into quarantine; it waits in memory for as long as the disk will not take it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenbudget.journal.quarantine import QuarantinedRecord, set_aside

_MOST = 1_000


class QuarantineQueue:
    """Sets records aside under `home`, later if not now: a full disk must not stop what would make room on it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._waiting: list[QuarantinedRecord] = []

    @property
    def unsafe(self) -> bool:
        """Whether an event the server refused is in memory only, so that its segment must stay."""
        return any(entry.kind == "rejected" for entry in self._waiting)

    def add(self, entries: Iterable[QuarantinedRecord]) -> None:
        """Set `entries` aside, and whatever still waits."""
        self._waiting += entries
        try:
            set_aside(self._home, self._waiting)
        except OSError:
            del self._waiting[:-_MOST]
        else:
            self._waiting.clear()
