"""Events whose id follows from their answer are written once, however often and by whichever process it is read.

The results of a batch, and a response made in the background, can be fetched again and again.  Their ids are the same
each time, so a server keeps one; here the ids written so far stand in ``<home>/once``, one a line.  An id begins with
the time of its answer, and every 50 days of answers have a file of their own.  It goes once nothing in it was written
or asked for within `KEPT_SECONDS`: providers give such answers for about 30 days.
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
"""Of each file, which one it was (its inode), how far it was read, and the ids in it."""


def write_once(home: Path, event_id: str, write: Callable[[], None]) -> bool:
    """Call `write` unless this id was written before; tells whether it was called.

    The id is noted after `write` returned: killed in between, or where the lock is not to be had in time, the event may
    be written a second time, but never not at all.  What reads events counts an id once.

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
    """Return the ids noted so far, reading only what is new."""
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
    """Delete the files nobody needed for long, and forget what was read of any that is gone."""
    oldest = time.time() - KEPT_SECONDS
    for ids in directory.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if ids.stat().st_mtime < oldest:
                remove(ids)
    for ids in [ids for ids in _known if ids.parent == directory and not ids.exists()]:
        del _known[ids]
