"""Records to quarantine; they wait in memory while the disk cannot be written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenbudget.journal.quarantine import QuarantinedRecord, set_aside

_MOST = 1_000


class QuarantineQueue:
    """Quarantines records under `home`, and retries later: a full disk must not stop shipping, which frees space."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._waiting: list[QuarantinedRecord] = []

    @property
    def unsafe(self) -> bool:
        """Whether a rejected event is in memory only, so that its segment must not be deleted."""
        return any(entry.kind == "rejected" for entry in self._waiting)

    def add(self, entries: Iterable[QuarantinedRecord]) -> None:
        """Quarantine `entries` and those that still wait."""
        self._waiting += entries
        try:
            set_aside(self._home, self._waiting)
        except OSError:
            del self._waiting[:-_MOST]
        else:
            self._waiting.clear()
