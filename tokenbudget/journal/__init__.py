"""Keep every event on disk before the observed call returns."""

from tokenbudget.journal.compaction import Compacted, compact
from tokenbudget.journal.compactor import Compactor
from tokenbudget.journal.manifest import Part
from tokenbudget.journal.options import Fsync, Options
from tokenbudget.journal.reader import Chunk, read, read_chunk, read_lines
from tokenbudget.journal.registry import in_this_process
from tokenbudget.journal.segment import SegmentFile, journal_dir, listed
from tokenbudget.journal.snapshot import Snapshot, Tail, read_open
from tokenbudget.journal.status import Status, status
from tokenbudget.journal.writer import Journal

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
