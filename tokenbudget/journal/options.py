"""Bounds and guarantees of a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fsync = Literal["never", "interval", "always"]


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Bounds and guarantees of a journal.

    Attributes
    ----------
    segment_bytes, segment_seconds : int, float
        A segment is finished when it reaches either.
    fsync : {"never", "interval", "always"}
        A killed process loses nothing in any of them; a power cut loses what the kernel had not written (about
        30 s), at most about a second, or nothing, at the price of a disk write within the observed call.
    cap_bytes : int
        With a server configured: about this many bytes may wait to be sent; past it new events are refused.
    memory_bytes : int
        At most this many bytes wait in memory while the disk cannot be written; past it new events are refused.
    """

    segment_bytes: int = 8 << 20
    segment_seconds: float = 3600.0
    fsync: Fsync = "never"
    cap_bytes: int = 1 << 30
    memory_bytes: int = 16 << 20
