"""The state of the journal: how many events wait, are sealed, quarantined or refused."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from tokenbudget.config import is_out_of_reach
from tokenbudget.journal import delivery_stats
from tokenbudget.journal.compaction import manifest
from tokenbudget.journal.compaction.manifest import Manifest
from tokenbudget.journal.open_journals import in_this_process
from tokenbudget.journal.quarantine import entries
from tokenbudget.journal.segments import cursor, segment_errors
from tokenbudget.journal.segments.reader import read_chunk
from tokenbudget.journal.segments.segment import SegmentFile, journal_dir, list_segments

_NO_ENTRY = "cannot read {}: permission denied; set TOKENBUDGET_HOME to a directory of your own"


@dataclass(frozen=True, slots=True)
class Status:
    """Where the events of this machine are.

    Attributes
    ----------
    home : Path
        The directory.
    pending : int
        Events that wait to be sent to a server, on disk or in memory.
    stuck : int
        Those of `pending` in segments at which the server fails; they are retried.
    stuck_because : str or None
        The error of the oldest such segment.
    kept : int
        Events of local mode that are not yet sealed.
    unpriced : int
        Those of `pending` and `kept` without a price.
    sealed : int
        Events in Parquet.
    held : int
        Those of `pending` and `kept` that are only in this process's memory, because the disk cannot be written.
    shipped : int
        Events acknowledged by a server so far.
    quarantined : int
        Events a server refused for good; ``tokenbudget push --retry`` sends them again.
    torn : int
        Lines that could not be read: half written, or corrupted.
    refused : int
        Events not recorded because a bound was reached.
    segments, journal_bytes : int
        Files of the journal and their size.
    problem : str or None
        Why events are in memory or refused; None if there is no problem.
    last_ack, last_error_at : datetime or None
        UTC.
    last_error : str or None
        Why the last attempt to ship failed; None once one succeeded.
    clock_skew_s : float or None
        Seconds by which the server's clock was ahead of ours.
    """

    home: Path
    pending: int = 0
    stuck: int = 0
    stuck_because: str | None = None
    kept: int = 0
    unpriced: int = 0
    sealed: int = 0
    held: int = 0
    shipped: int = 0
    quarantined: int = 0
    torn: int = 0
    refused: int = 0
    segments: int = 0
    journal_bytes: int = 0
    problem: str | None = None
    last_ack: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    clock_skew_s: float | None = None


def status(home: Path) -> Status:
    """Return the state of the journal under `home`, including the events in this process's memory.

    Raises
    ------
    JournalError
        If the manifest of the ledger cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> status(Path(tempfile.mkdtemp())).pending
    0
    """
    unreadable = is_out_of_reach(journal_dir(home))
    sealed = Manifest() if unreadable else manifest.load(home)
    segments = [] if unreadable else [s for s in list_segments(home) if s.name not in sealed.covered]
    counted = [(segment.kind, _count(segment)) for segment in segments]
    stuck_at = _stuck(segments, [count["events"] for _, count in counted])
    set_aside = [] if unreadable else entries(home)
    stats = delivery_stats.load(home)
    no_entry = _NO_ENTRY.format(home) if unreadable else None
    ours = in_this_process(home)
    held = [(journal.kind, journal.held()) for journal in ours]
    counted += [(kind, _counted(records)) for kind, records in held]
    return Status(
        home=home,
        pending=sum(count["events"] for kind, count in counted if kind == "send"),
        stuck=sum(events for events, _ in stuck_at),
        stuck_because=next((reason for _, reason in stuck_at), None),
        kept=sum(count["events"] for kind, count in counted if kind == "keep"),
        unpriced=sum(count["unpriced"] for _, count in counted),
        sealed=sum(part.rows for part in sealed.parts),
        held=sum(len(records) for _, records in held),
        shipped=stats.shipped,
        quarantined=sum(entry.kind == "rejected" for entry in set_aside),
        torn=sum(count["torn"] for _, count in counted) + sum(entry.kind == "damaged" for entry in set_aside),
        refused=stats.refused + sum(journal.unreported_refusals for journal in ours),
        segments=len(segments),
        journal_bytes=sum(segment.size for segment in segments),
        problem=next((journal.problem for journal in ours if journal.problem), no_entry),
        last_ack=stats.last_ack,
        last_error=stats.last_error,
        last_error_at=stats.last_error_at,
        clock_skew_s=stats.clock_skew_s,
    )


def _stuck(segments: list[SegmentFile], events: list[int]) -> list[tuple[int, str]]:
    """Return the number of events in each segment at which the server fails, and the error."""
    each = ((waiting, segment_errors.reason(segment.path)) for segment, waiting in zip(segments, events, strict=True))
    return [(waiting, reason) for waiting, reason in each if reason is not None and waiting]


class _Priced(msgspec.Struct):
    unpriced: str | None = None


_peek = msgspec.json.Decoder(_Priced).decode


def _count(segment: SegmentFile) -> Counter[str]:
    """Count the unacknowledged events of a segment, those without a price, and unreadable lines."""
    counts: Counter[str] = Counter()
    end = cursor.load(segment.path)
    with contextlib.suppress(FileNotFoundError):  # Settled meanwhile.
        while (chunk := read_chunk(segment.path, end)).end > end:
            end = chunk.end
            counts += _counted(chunk.records)
            counts["torn"] += len(chunk.damaged)
    return counts


def _counted(records: Sequence[bytes]) -> Counter[str]:
    return Counter(events=len(records), unpriced=sum(map(_is_unpriced, records)))


def _is_unpriced(record: bytes) -> bool:
    try:
        return _peek(record).unpriced is not None
    except msgspec.DecodeError:
        return False
