"""Retry segments at which the server fails, without delaying the others."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tokenbudget.journal.segments import segment_errors
from tokenbudget.journal.segments.segment import SegmentFile
from tokenbudget.transport.backoff import delay

_LONGEST_SECONDS = 600.0
_MOST_IN_A_ROW = 2


@dataclass(slots=True)
class _Trouble:
    """State of a failed segment: failures while others succeeded, time of the next attempt, size at the last one."""

    failures: int = 0
    not_before: float = 0.0
    size: int = 0


class SegmentRetries:
    """The failed segments, over several rounds of shipping.

    After a failure, the next segment is tried, to tell whether the server or the segment is the cause.  After two
    failures in a row, the round ends.  Failed segments come last in later rounds, also in other processes, so that the
    others are always reached.

    Attributes
    ----------
    server_works : bool
        Whether the server took anything in this round.
    """

    def __init__(self) -> None:
        self._troubles: dict[Path, _Trouble] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a round."""
        self.server_works = False
        self._in_a_row = 0
        self._failed: set[Path] = set()

    def end(self) -> None:
        """End a round.  If any segment was delivered, each failed segment now waits longer."""
        for path in self._failed & self._troubles.keys() if self.server_works else ():
            trouble = self._troubles[path]
            trouble.failures += 1
            trouble.not_before = time.monotonic() + delay(trouble.failures, longest=_LONGEST_SECONDS)

    def put_failed_last(self, segments: list[SegmentFile]) -> list[SegmentFile]:
        """Order segments so that failed ones come last."""
        return sorted(segments, key=lambda segment: segment_errors.reason(segment.path) is not None)

    def is_due(self, segment: SegmentFile) -> bool:
        """Return whether to try a segment: its delay is over, or it has new events."""
        trouble = self._troubles.get(segment.path)
        return trouble is None or segment.size != trouble.size or time.monotonic() >= trouble.not_before

    def failures(self, path: Path) -> int:
        """Return how often a segment failed in rounds in which others succeeded."""
        trouble = self._troubles.get(path)
        return trouble.failures if trouble else 0

    def note_success(self) -> None:
        """Note that the server took something."""
        self.server_works = True
        self._in_a_row = 0

    def note_failure(self, segment: SegmentFile, reason: str) -> None:
        """Note that the server failed at a segment."""
        self._in_a_row += 1
        self._failed.add(segment.path)
        self._troubles.setdefault(segment.path, _Trouble()).size = segment.size
        segment_errors.mark(segment.path, reason)

    @property
    def server_seems_down(self) -> bool:
        """Whether so many segments failed in a row that the round should end."""
        return self._in_a_row >= _MOST_IN_A_ROW

    def clear(self, path: Path) -> None:
        """Forget the failures of a segment: some of its events were delivered."""
        if self._troubles.pop(path, None) is not None:
            segment_errors.clear(path)
