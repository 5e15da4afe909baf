"""A consistent snapshot of all recorded events: sealed parts, open segments, and memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tokenbudget.config import is_out_of_reach
from tokenbudget.core.errors import JournalError
from tokenbudget.journal.compaction.manifest import SealedPart, load
from tokenbudget.journal.open_journals import in_this_process
from tokenbudget.journal.segments.reader import read_chunk
from tokenbudget.journal.segments.segment import SegmentFile, journal_dir, list_segments

_ATTEMPTS = 20
_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tail:
    """What one open segment holds from byte `start` to byte `end`.

    Attributes
    ----------
    segment : str
        The segment's name.
    records : list of bytes
        The JSON of each event.
    """

    segment: str
    start: int
    end: int
    records: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """All events recorded on this machine and not shipped to a server, each exactly once.

    Of the events in the memory of processes that cannot write to the disk, only those of this process are included.

    Attributes
    ----------
    generation : int
        Generation of the manifest; equal generations have equal `parts`.
    parts : tuple of SealedPart
        Sealed events, as Parquet.  The files stay for an hour after they are replaced.
    tails : tuple of Tail
        Every open segment, oldest first, with what is new in it.
    held : tuple of bytes
        The JSON of each event in this process's memory; always all of them.
    """

    generation: int
    parts: tuple[SealedPart, ...]
    tails: tuple[Tail, ...]
    held: tuple[bytes, ...] = ()


def read_snapshot(home: Path, since: Mapping[str, int] = _NOTHING) -> JournalSnapshot:
    """Read all events recorded under `home`, while other processes write, ship and compact.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    since : mapping of str to int, optional
        Segment names, each with the `Tail.end` of an earlier snapshot: only later events are read.  A segment that is
        missing from the result was compacted or shipped: forget its events.

    Raises
    ------
    JournalError
        If the manifest cannot be read.
    OSError
        If a segment cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from tokenbudget.journal import Journal
    >>> home = Path(tempfile.mkdtemp())
    >>> journal = Journal(home)
    >>> journal.append(b'{"id":"a"}')
    >>> first = read_snapshot(home)
    >>> first.tails[0].records
    [b'{"id":"a"}']
    >>> journal.append(b'{"id":"b"}')
    >>> read_snapshot(home, {tail.segment: tail.end for tail in first.tails}).tails[0].records
    [b'{"id":"b"}']
    """
    if is_out_of_reach(journal_dir(home)):
        return JournalSnapshot(0, (), (), _held(home))
    for _ in range(_ATTEMPTS):
        held = _held(home)  # Before the segments, into which it may be written meanwhile.
        manifest = load(home)
        covered = set(manifest.covered)
        tails = [
            tail
            for segment in list_segments(home)
            if segment.name not in covered and (tail := _tail(segment, since.get(segment.name, 0)))
        ]
        # Otherwise segments were compacted in the meantime, into parts that are not in this manifest.
        if load(home).generation == manifest.generation:
            return JournalSnapshot(manifest.generation, manifest.parts, tuple(tails), _without(held, tails))
    msg = f"the journal under {home} changed {_ATTEMPTS} times while it was read; is something compacting in a loop?"
    raise JournalError(msg)


def _held(home: Path) -> tuple[bytes, ...]:
    return tuple(record for journal in in_this_process(home) for record in journal.held())


def _without(held: tuple[bytes, ...], tails: list[Tail]) -> tuple[bytes, ...]:
    """Leave out the records that have just been written to a segment."""
    if not held:
        return held
    written = {record for tail in tails for record in tail.records}
    return tuple(record for record in held if record not in written)


def _tail(segment: SegmentFile, start: int) -> Tail | None:
    records: list[bytes] = []
    end = start
    try:
        while (chunk := read_chunk(segment.path, end)).end > end:
            records += chunk.records
            end = chunk.end
    except FileNotFoundError:
        return None
    return Tail(segment.name, start, end, records)
