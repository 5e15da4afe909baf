"""Lines that wait in memory while the disk cannot be written."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice

from tokenbudget.journal.segments.record import PREFIX, frame


class OverflowBuffer:
    """A queue that knows how many bytes it holds.

    Not thread-safe, but a signal handler may use it in the middle of any of its methods.
    """

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def extend(self, lines: Iterable[bytes]) -> None:
        """Add `lines` at the end."""
        for line in lines:
            self._lines.append(line)
            self._bytes += len(line)

    def take(self) -> bytes | None:
        """Take the oldest line out; None when there is none."""
        try:
            line = self._lines.popleft()
        except IndexError:  # Asking first would not do: a signal handler may take it in between.
            self._bytes = 0
            return None
        self._bytes -= len(line)
        return line

    def take_all(self) -> list[bytes]:
        """Take all lines out, the oldest first."""
        lines = []
        while (line := self.take()) is not None:
            lines.append(line)
        return lines

    def put_back(self, line: bytes) -> None:
        """Put a line that was taken out back to where it was."""
        self._lines.appendleft(line)
        self._bytes += len(line)

    def records(self, limit: int | None = None) -> list[bytes]:
        """Return the records of the oldest lines, at most `limit`."""
        return [line[PREFIX:-1] for line in islice(self._lines, limit)]

    def forget(self, records: Collection[bytes]) -> None:
        """Take the lines of `records` out, wherever they are."""
        gone = {frame(record) for record in records}
        kept = [line for line in self._lines if line not in gone]
        self._lines.clear()
        self._bytes = 0
        self.extend(kept)

    def shrink(self, bound: int) -> int:
        """Drop the newest lines until at most `bound` bytes are left; return how many were dropped."""
        dropped = 0
        while self._lines and self._bytes > bound:
            self._bytes -= len(self._lines.pop())
            dropped += 1
        return dropped
