"""Keep every event on disk before the observed call returns."""

from tokenbudget.journal.compaction.sealing import Compacted, compact
from tokenbudget.journal.compaction.background_compactor import Compactor
from tokenbudget.journal.compaction.manifest import Part
from tokenbudget.journal.options import Fsync, Options
from tokenbudget.journal.segments.reader import Chunk, read, read_chunk, read_lines
from tokenbudget.journal.open_journals import in_this_process
from tokenbudget.journal.segments.segment import SegmentFile, journal_dir, listed
from tokenbudget.journal.snapshot import Snapshot, Tail, read_open
from tokenbudget.journal.status import Status, status
from tokenbudget.journal.writing.writer import Journal

__all__ = [
    "Chunk",
    "Compacted",
    "Compactor",
    "Fsync",
    "Journal",
    "Options",
    "Part",
    "SegmentFile",
    "Snapshot",
    "Status",
    "Tail",
    "compact",
    "in_this_process",
    "journal_dir",
    "listed",
    "read",
    "read_chunk",
    "read_lines",
    "read_open",
    "status",
]
