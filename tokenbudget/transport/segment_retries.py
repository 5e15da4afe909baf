"""Segments that do not get through while others do: each waits for a time of its own and holds nobody up."""

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
    """With one segment: failures while others got through, when to try again (monotonic), its size at the last try."""

    failures: int = 0
    not_before: float = 0.0
    size: int = 0


class SegmentRetries:
    """What rounds of shipping know of the segments that failed.

    Whether the server is broken or the segment is stubborn shows when another is tried: after one failure the next
    segment has its turn, after two in a row the round ends.  Segments that failed come last from then on, in other
    processes, too, so that however many are stubborn the others are reached.

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
        """End a round.  If any segment was delivered, each segment that failed now waits longer than before."""
        for path in self._failed & self._troubles.keys() if self.server_works else ():
            trouble = self._troubles[path]
            trouble.failures += 1
            trouble.not_before = time.monotonic() + delay(trouble.failures, longest=_LONGEST_SECONDS)

    def put_failed_last(self, segments: list[SegmentFile]) -> list[SegmentFile]:
        """Put those that failed behind the others."""
        return sorted(segments, key=lambda segment: segment_errors.reason(segment.path) is not None)

    def is_due(self, segment: SegmentFile) -> bool:
        """Return whether to try a segment: its wait is over, or there is news in it."""
        trouble = self._troubles.get(segment.path)
        return trouble is None or segment.size != trouble.size or time.monotonic() >= trouble.not_before

    def failures(self, path: Path) -> int:
        """Return how often a segment failed in rounds in which others got through."""
        trouble = self._troubles.get(path)
        return trouble.failures if trouble else 0

    def note_success(self) -> None:
        """Note that the server took something."""
        self.server_works = True
        self._in_a_row = 0

    def note_failure(self, segment: SegmentFile, reason: str) -> None:
        """Note that a segment did not get through."""
        self._in_a_row += 1
        self._failed.add(segment.path)
        self._troubles.setdefault(segment.path, _Trouble()).size = segment.size
        segment_errors.mark(segment.path, reason)

    @property
    def server_seems_down(self) -> bool:
        """Whether so many failed in a row that the rest of the segments is left for another round."""
        return self._in_a_row >= _MOST_IN_A_ROW

    def clear(self, path: Path) -> None:
        """Forget the trouble with a segment: some of it got through."""
        if self._troubles.pop(path, None) is not None:
            segment_errors.clear(path)
