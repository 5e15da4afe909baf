"""Keep every event on disk before the observed call returns."""

from tokenbudget.journal.reader import Chunk, read, read_chunk, read_lines
from tokenbudget.journal.segment import SegmentFile, journal_dir, listed
from tokenbudget.journal.writer import Fsync, Journal, Options

__all__ = [
    "Chunk",
    "Fsync",
    "Journal",
    "Options",
    "SegmentFile",
    "journal_dir",
    "listed",
    "read",
    "read_chunk",
    "read_lines",
]
