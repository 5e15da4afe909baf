"""Keep every event on disk before the observed call returns."""

from tokenbudget.journal.compaction.background_compactor import Compactor
from tokenbudget.journal.compaction.manifest import SealedPart
from tokenbudget.journal.compaction.sealing import Compacted, compact
from tokenbudget.journal.open_journals import in_this_process
from tokenbudget.journal.options import Fsync, JournalOptions
from tokenbudget.journal.segments.reader import Chunk, read, read_chunk, read_lines
from tokenbudget.journal.segments.segment import SegmentFile, journal_dir, list_segments
from tokenbudget.journal.snapshot import JournalSnapshot, Tail, read_snapshot
from tokenbudget.journal.status import Status, status
from tokenbudget.journal.writing.writer import Journal

__all__ = [
    "Chunk",
    "Compacted",
    "Compactor",
    "Fsync",
    "Journal",
    "JournalOptions",
    "JournalSnapshot",
    "SealedPart",
    "SegmentFile",
    "Status",
    "Tail",
    "compact",
    "in_this_process",
    "journal_dir",
    "list_segments",
    "read",
    "read_chunk",
    "read_lines",
    "read_snapshot",
    "status",
]
