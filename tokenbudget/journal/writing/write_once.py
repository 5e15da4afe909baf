"""Write an event once, although its answer can be fetched again, also by other processes.

The results of a batch, and a response made in the background, can be fetched any number of times.  Their ids are
derived from the answer, so a server deduplicates them.  On this machine, ``<home>/once`` has the ids written so far,
one per line.  An id begins with the time of its answer, and there is one file for every 50 days of answers.  A file
is deleted if none of its ids was written or fetched for `KEPT_SECONDS`; providers keep such answers for about 30 days.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from tokenbudget.journal.files import make_private, remove
from tokenbudget.journal.locks import OPEN_FLAGS, locked

KEPT_SECONDS = 90 * 86_400.0
_PREFIX = "ids-"
_SPAN_DIGITS = 4
"""An id begins with 12 hexadecimal digits of milliseconds; ids with the same first four are within 2**32 ms."""
_WAIT_SECONDS = 2.0
_known: dict[Path, tuple[int, int, set[bytes]]] = {}
"""For each file: its inode, how far it was read, and the ids in it."""


def write_once(home: Path, event_id: str, write: Callable[[], None]) -> bool:
    """Call `write` unless this id was written before; return whether it was called.

    The id is noted after `write` has returned.  If the process is killed in between, or cannot take the lock in time,
    the event may be written twice, but is never lost; readers deduplicate by id.

    Raises
    ------
    OSError
        If the ids cannot be read; nothing is written then.
    """
    directory = home / "once"
    make_private(directory)
    with locked(directory / "lock", _WAIT_SECONDS) as taken:
        ids, name = directory / (_PREFIX + event_id[:_SPAN_DIGITS]), event_id.encode()
        if taken and ids not in _known:  # When a process begins, and when a span does.
            _drop_unused(directory)
        if name in _read(ids):
            with contextlib.suppress(OSError):
                os.utime(ids)
            return False
        write()
        with contextlib.suppress(OSError):
            _note(ids, name)
        return True


def _note(ids: Path, name: bytes) -> None:
    fd = os.open(ids, os.O_WRONLY | os.O_CREAT | os.O_APPEND | OPEN_FLAGS, 0o600)
    try:
        os.write(fd, b"\n" + name + b"\n")  # On a line of its own, also after one that was torn.
    finally:
        os.close(fd)


def _read(ids: Path) -> set[bytes]:
    """Return the ids noted so far; only new ones are read from the file."""
    inode, size = _identity(ids)
    before, done, known = _known.get(ids, (inode, 0, set()))
    if inode != before or size < done:  # Another file than the one that was read.
        done, known = 0, set()
    if size > done:
        with ids.open("rb") as file:
            file.seek(done)
            known.update(file.read(size - done).split())
    _known[ids] = inode, size, known
    return known


def _identity(ids: Path) -> tuple[int, int]:
    try:
        seen = ids.stat()
    except FileNotFoundError:
        return 0, 0
    return seen.st_ino, seen.st_size


def _drop_unused(directory: Path) -> None:
    """Delete the files that were not used for long, and forget those that are gone."""
    oldest = time.time() - KEPT_SECONDS
    for ids in directory.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if ids.stat().st_mtime < oldest:
                remove(ids)
    for ids in [ids for ids in _known if ids.parent == directory and not ids.exists()]:
        del _known[ids]
