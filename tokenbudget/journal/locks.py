"""Locks that die with their process: ``flock`` where there is one, a locked byte on Windows."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_POLL_SECONDS = 0.01

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 40  # Windows locks are mandatory: lock a byte that no reader reads.

    def try_lock(fd: int) -> bool:
        """Take the exclusive lock of the open file `fd`; False when another open file holds it."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def sync(fd: int) -> None:
        """Write what the kernel holds of the open file `fd` to the disk."""
        os.fsync(fd)

else:
    import fcntl

    _FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone stops at the drive's cache.

    def try_lock(fd: int) -> bool:
        """Take the exclusive lock of the open file `fd`; False when another open file holds it.

        Raises
        ------
        OSError
            If the file system knows no locks.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def sync(fd: int) -> None:
        """Write what the kernel holds of the open file `fd` to the disk."""
        if _FULL_SYNC is None:
            os.fsync(fd)
        else:
            fcntl.fcntl(fd, _FULL_SYNC)


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[bool]:
    """Hold the lock file `path`, waiting at most `timeout` seconds; yields whether it was taken.

    The file stays behind: deleting a lock file hands the lock out twice.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o600)
    try:
        deadline = time.monotonic() + timeout
        while not (taken := try_lock(fd)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        yield taken
    finally:
        os.close(fd)
