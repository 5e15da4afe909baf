"""Segments: the files of the journal, each written by one process that holds its lock.

The name is ``<unix ns>-<pid>-<random>.<kind>.seg``: time, process, and what the segment is for.  A segment without a
lock is finished: its writer started another one or died, and the process that takes the lock may ship or compact it.
"""

from __future__ import annotations

import errno
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tokenbudget.core.errors import JournalError
from tokenbudget.journal.files import make_private
from tokenbudget.journal.locks import OPEN_FLAGS, try_lock

Kind = Literal["keep", "send"]
SUFFIX = ".seg"
_ATTEMPTS = 10


def journal_dir(home: Path) -> Path:
    """Return the directory of the segments."""
    return home / "journal"


class Lost(NamedTuple):
    """Why a segment is lost to its writer, and the lines in it that must be written again."""

    why: str
    lines: Sequence[bytes] = ()


class OpenSegment:
    """A segment under this process's lock.

    The descriptor closes when the last reference goes: a thread that still holds the object while others rotate
    writes into the file it meant, never into a descriptor that was closed or given to another file.
    """

    __slots__ = ("__weakref__", "_close", "_identity", "deadline", "fd", "kind", "path", "room", "safe_size")

    def __init__(self, path: Path, fd: int, kind: Kind, room: int, deadline: float) -> None:
        self.path = path
        self.fd = fd
        self.kind: Kind = kind
        self.room = room
        self.deadline = deadline
        self.safe_size = 0  # Bytes known to be in a file that still has a name.
        seen = os.fstat(fd)
        self._identity = (seen.st_dev, seen.st_ino)
        self._close: Callable[[int], None] = os.close
        _open.add(self)

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises
        ------
        OSError
            If the disk takes none of it, or only a part.
        """
        if os.write(self.fd, line) < len(line) - 1:
            raise short_write()
        self.room -= len(line)

    def unlinked(self) -> bool:
        """Return whether the file was deleted while it is open."""
        return os.fstat(self.fd).st_nlink == 0

    def lost(self) -> Lost | None:
        """Return why what is written to it would be lost (its file or descriptor is gone); None while it is found."""
        try:
            seen = os.fstat(self.fd)
            if self._disowned(seen):
                return Lost("the journal's descriptor was closed by other code; writing to a new file")
            if seen.st_nlink:
                self.safe_size = seen.st_size
                return None
            data = os.pread(self.fd, seen.st_size - self.safe_size, self.safe_size)
        except OSError as error:
            return Lost(f"cannot look after {self.path}: {error}")
        self.safe_size = seen.st_size
        why = f"{self.path.parent} was deleted; writing the last events to a new file"
        return Lost(why, data.splitlines(keepends=True))

    def _disowned(self, seen: os.stat_result) -> bool:
        """Return whether `seen`, the descriptor's status, is not our file's: careless code closes what is not its own.

        Its number belongs to another file then, and is left alone.
        """
        if (seen.st_dev, seen.st_ino) != self._identity:
            self.fd = -1
        return self.fd < 0

    def close(self) -> None:
        """Let go of the file and its lock."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self._close(fd)

    def __del__(self) -> None:
        self.close()


def short_write() -> OSError:
    """Return the error of a disk that took only a part of an event."""
    return OSError(errno.ENOSPC, "only a part of the event could be written")


_open: weakref.WeakSet[OpenSegment] = weakref.WeakSet()


def close_inherited() -> None:
    """In a forked child: close the parent's segments, or they would stay locked for as long as the child lives."""
    for segment in list(_open):
        segment.close()


def create(home: Path, kind: Kind, room: int, lifetime: float) -> OpenSegment:
    """Start a segment of up to about `room` bytes and `lifetime` seconds.

    Raises
    ------
    OSError
        If the directory or the file cannot be made.
    """
    directory = journal_dir(home)
    make_private(directory)
    for _ in range(_ATTEMPTS):
        name = f"{time.time_ns()}-{os.getpid()}-{os.urandom(3).hex()}.{kind}{SUFFIX}"
        path = directory / name
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | OPEN_FLAGS, 0o600)
        segment = OpenSegment(path, fd, kind, room, time.monotonic() + lifetime)
        if _own(fd) and not segment.unlinked():  # Else another process adopted the empty file before we locked it.
            return segment
    msg = f"cannot lock a new file in {directory}: every one was taken at once; is a clean-up job running there?"
    raise JournalError(msg)


def _own(fd: int) -> bool:
    try:
        return try_lock(fd)
    except OSError:
        return True  # No locks on this file system: no process can adopt it; this one ships it while it runs.


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment as the directory shows it: its path and its size in bytes when looked at."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        """The file's name, unique for good."""
        return self.path.name

    @property
    def kind(self) -> str:
        """``keep``: this machine is the store; ``send``: a server is."""
        return self.name.rsplit(".", 2)[-2]


def list_segments(home: Path, kind: Kind | None = None) -> list[SegmentFile]:
    """List the segments, oldest first; none when there is no journal."""
    found = []
    try:
        with os.scandir(journal_dir(home)) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    try:
                        found.append(SegmentFile(Path(entry.path), entry.stat().st_size))
                    except FileNotFoundError:
                        continue  # Settled since the directory was read.
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((s for s in found if kind in (None, s.kind)), key=lambda s: s.name)


@contextmanager
def adopted(path: Path) -> Iterator[bool]:
    """Hold the lock of a finished segment; yields False when its writer lives, or it is gone."""
    try:
        fd = _open_to_lock(path)
    except OSError:
        yield False
        return
    segment = OpenSegment(path, fd, "keep", 0, 0.0)
    try:
        yield _takes(segment)
    finally:
        segment.close()


def _open_to_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | OPEN_FLAGS)  # Network file systems lock only what may be written.
    except FileNotFoundError:
        raise
    except OSError:
        return os.open(path, os.O_RDONLY | OPEN_FLAGS)


def _takes(segment: OpenSegment) -> bool:
    try:
        return try_lock(segment.fd) and not segment.unlinked()
    except OSError:
        return False
