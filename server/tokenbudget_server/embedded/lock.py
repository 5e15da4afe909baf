"""The lock that says which process owns the server of a data directory.

The kernel releases it when the process ends, however it ends, so it never goes stale.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_held: set[int] = set()


class OwnerLock:
    """An exclusive ``flock``; made by `try_acquire`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(descriptor)

    @classmethod
    def try_acquire(cls, path: Path) -> OwnerLock | None:
        """Take the lock of `path`, or return None when another process has it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def release(self) -> None:
        """Let another process own the server."""
        _held.discard(self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def _forget_in_child() -> None:
    """Close a forked child's copies, which would keep the locks of a parent that died.

    Closing one leaves the parent's lock alone; unlocking it would not.
    """
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
