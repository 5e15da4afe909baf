"""Events whose id follows from their answer are written once, however often and by whichever process it is read.

The results of a batch, and a response made in the background, can be fetched again and again.  Their ids are the same
each time, so a server keeps one; here the ids written so far stand in ``<home>/once/ids``, one a line.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from tokenbudget.journal.files import make_private
from tokenbudget.journal.locks import OPEN_FLAGS, locked

_WAIT_SECONDS = 2.0
_known: dict[Path, tuple[int, set[bytes]]] = {}
"""How far each file was read, and the ids in it."""


def write_once(home: Path, event_id: str, write: Callable[[], None]) -> bool:
    """Call `write` unless this id was written before; tells whether it was called.

    The id is noted after `write` returned: killed in between, or where the lock is not to be had in time, the event may
    be written a second time, but never not at all.

    Raises
    ------
    OSError
        If the ids cannot be read; nothing is written then.
    """
    directory = home / "once"
    make_private(directory)
    with locked(directory / "lock", _WAIT_SECONDS):
        ids, name = directory / "ids", event_id.encode()
        if name in _read(ids):
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
    """Give the ids noted so far, reading only what is new."""
    size = ids.stat().st_size if ids.exists() else 0
    done, known = _known.get(ids, (0, set()))
    if size < done:  # Another file than the one that was read.
        done, known = 0, set()
    if size > done:
        with ids.open("rb") as file:
            file.seek(done)
            known.update(file.read(size - done).split())
    _known[ids] = size, known
    return known
