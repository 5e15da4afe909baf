"""Files replaced as a whole: a reader sees the old text or the new one, never a part, whenever we are killed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tokenbudget.journal.locks import OPEN_FLAGS, sync


def make_private(directory: Path) -> None:
    """Create `directory` and its parent, for this user alone: usage tells who does what."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)


def replace(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put `data` in the place of `path` at once.

    Parameters
    ----------
    durable : bool, default False
        Return only when the change would survive a power cut.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | OPEN_FLAGS, 0o600)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        if durable:
            sync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def remove(path: Path) -> None:
    """Delete `path` if it is there; what cannot be (Windows has it open, the disk is read-only) is another time."""
    with contextlib.suppress(OSError):
        path.unlink()


def sync_file(path: Path) -> None:
    """Have the kernel write all of `path` to the disk."""
    fd = os.open(path, os.O_RDWR | OPEN_FLAGS)
    try:
        sync(fd)
    finally:
        os.close(fd)


def sync_directory(directory: Path) -> None:
    """Make renames and deletions in `directory` survive a power cut, where the system lets us."""
    if os.name == "nt":
        return
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
