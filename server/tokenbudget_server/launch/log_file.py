"""The file that a child process writes its output to: kept over restarts, and never large."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 4 * 1024 * 1024
OLD_FILES = 3
_MARK = "=== "
_TAIL_LINES = 15
_TAIL_BYTES = 64 * 1024


class LogFile:
    """A file that another process appends to.

    Parameters
    ----------
    path : Path
        Older output is beside it, as ``<name>.1`` (the newest) to ``<name>.3``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, heading: str) -> BinaryIO:
        """Open it at its end, below a line that says what begins here, and when."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.rotate()
        # Whoever writes to it always does so at its end: that is what lets it be emptied meanwhile.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "ab", buffering=0)
        file.write(f"{_MARK}{heading}, {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())
        return file

    def rotate(self) -> None:
        """Put it aside and begin anew if it has grown large; the process that writes to it need not know."""
        try:
            if self.path.stat().st_size < LARGEST_BYTES:
                return
        except FileNotFoundError:
            return
        for number in range(OLD_FILES, 1, -1):
            if (newer := self._old(number - 1)).exists():
                newer.replace(self._old(number))
        try:
            shutil.copy2(self.path, self._old(1))
        except OSError:  # A disk that is full needs the room the more.
            self._old(1).unlink(missing_ok=True)
        os.truncate(self.path, 0)

    def tail(self) -> list[str]:
        """Return the last lines since it was opened."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        opened = max((at + 1 for at, line in enumerate(lines) if line.startswith(_MARK)), default=0)
        return lines[opened:][-_TAIL_LINES:]

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
