"""Counts of shipped and refused events, over all processes, in ``home/journal/tally.json``; `status` shows them.

They are for display only: a process that is killed at the wrong moment may leave them a batch short.  While the file
cannot be written, this process keeps its counts in memory, and writes them as soon as it can.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tokenbudget.core.limits import storable
from tokenbudget.journal.files import replace
from tokenbudget.journal.locks import locked
from tokenbudget.journal.segments.segment import journal_dir

_LOCK_SECONDS = 0.5


class DeliveryStats(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts, and the latest results of shipping.

    Attributes
    ----------
    shipped : int
        Events acknowledged by a server, including duplicates.
    refused : int
        Events refused because a bound was reached.
    last_ack, last_error_at : datetime or None
        UTC.
    last_error : str or None
        Why the last attempt failed; None after a success.
    clock_skew_s : float or None
        Seconds by which the server's clock was ahead of this machine's.
    """

    shipped: int = 0
    refused: int = 0
    last_ack: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    clock_skew_s: float | None = None


_decoder = msgspec.json.Decoder(DeliveryStats)
_unwritten: dict[Path, tuple[dict[str, int], dict[str, Any]]] = {}
"""For each home, what could not be written: counts to add, and the latest results."""
_lock = threading.Lock()


def load(home: Path) -> DeliveryStats:
    """Read the counts, including those that this process could not write; all zero if there are none."""
    with _lock:
        return _with(_written(home), *_unwritten.get(home, ({}, {})))


def add(home: Path, *, shipped: int = 0, refused: int = 0, **seen: datetime | float | str | None) -> None:
    """Add to the counts, and replace the latest results by those `seen`."""
    path = journal_dir(home) / "tally.json"
    texts = {name: storable(value) for name, value in seen.items() if isinstance(value, str)}
    with _lock:
        before, seen_before = _unwritten.pop(home, ({}, {}))
        counts = {"shipped": shipped + before.get("shipped", 0), "refused": refused + before.get("refused", 0)}
        latest = {**seen_before, **seen, **texts}
        try:
            with locked(path.with_suffix(".lock"), _LOCK_SECONDS) as taken:
                if taken:
                    replace(path, msgspec.json.encode(_with(_written(home), counts, latest)))
                    return
        except OSError:
            pass
        _unwritten[home] = counts, latest


def _written(home: Path) -> DeliveryStats:
    try:
        return _decoder.decode((journal_dir(home) / "tally.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return DeliveryStats()


def _with(stats: DeliveryStats, counts: dict[str, int], seen: dict[str, Any]) -> DeliveryStats:
    added = {name: getattr(stats, name) + count for name, count in counts.items()}
    return msgspec.structs.replace(stats, **added, **seen)


def _after_fork() -> None:
    # What the parent could not write, the parent writes.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _unwritten.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
