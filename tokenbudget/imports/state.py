"""What was imported: how far each file was read, and which calls it held, in ``<home>/imports/state.db``.

It is an index and no store: without it everything is read again, and the events are the same ones.  What was read and
what was found is written in one transaction, after the events: killed in between, they are written again, with the same
ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from tokenbudget.core.errors import TranscriptError

_LAYOUT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, inode INTEGER, size INTEGER, changed INTEGER, read_to INTEGER, since INTEGER, context BLOB,
    mark BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY, kin BLOB, id TEXT NOT NULL, at INTEGER NOT NULL, rank INTEGER NOT NULL, side INTEGER NOT NULL,
    session TEXT NOT NULL, cost INTEGER, list_cost INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_kin ON calls (kin) WHERE kin IS NOT NULL;
CREATE INDEX IF NOT EXISTS calls_at ON calls (at, cost, list_cost);
CREATE INDEX IF NOT EXISTS calls_session ON calls (session, cost, list_cost);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class FileState(NamedTuple):
    """How far a file was read.

    Attributes
    ----------
    inode, size, changed : int
        Which file it was, its bytes, and when it was last written (nanoseconds since 1970).
    read_to : int
        Bytes read, up to the end of a line.
    since : int
        Calls before that (microseconds since 1970) were passed over.
    context : bytes
        What its reader left for the rest.
    mark : bytes
        Digest of the last bytes read: a file that has others there was written anew.
    """

    inode: int
    size: int
    changed: int
    read_to: int = 0
    since: int = 0
    context: bytes = b""
    mark: bytes = b""


class Known(NamedTuple):
    """A call that was imported.

    Attributes
    ----------
    key, kin : bytes
        `digest` of its identity, and of what replays share with it.
    id, at : str, int
        Of its event; microseconds since 1970.
    rank : int
        What the record knew that was written last (`tokenbudget.journal.compaction.duplicates.rank`).
    side : bool
        Whether it was found in a side conversation.
    session : str
        The agent's id of the conversation.
    cost, list_cost : int or None
        Picodollars, by the prices when it was imported.
    """

    key: bytes
    kin: bytes | None
    id: str
    at: int
    rank: int
    side: bool
    session: str
    cost: int | None
    list_cost: int | None


def index_of(home: Path) -> Path:
    """Return where the index of a home is."""
    return home / "imports" / "state.db"


def digest(text: str) -> bytes:
    """Return what stands for a text in the index, 16 bytes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class State:
    """The index of a home.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    keep : bool
        False: `commit` keeps nothing.
    """

    def __init__(self, connection: sqlite3.Connection, *, keep: bool = True) -> None:
        self._db = connection
        self._keep = keep

    def files(self) -> dict[str, FileState]:
        """Return every file that was read."""
        rows = self._db.execute("SELECT path, inode, size, changed, read_to, since, context, mark FROM files")
        return {path: FileState(*rest) for path, *rest in rows}

    def put_file(self, path: str, state: FileState) -> None:
        """Write how far a file was read."""
        self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (path, *state))

    def forget_files(self) -> None:
        """Have every file read again."""
        self._db.execute("DELETE FROM files")

    def by_key(self, key: bytes) -> Known | None:
        """Return a call."""
        found = self._db.execute("SELECT * FROM calls WHERE key = ?", (key,)).fetchone()
        return None if found is None else Known(*found)

    def by_kin(self, kin: bytes, *, is_side: bool) -> Known | None:
        """Return a call that this one repeats, or is repeated by: one of the two is of a side conversation."""
        rows = self._db.execute("SELECT * FROM calls WHERE kin = ? AND (side OR ?) ORDER BY side, at", (kin, is_side))
        found = rows.fetchone()
        return None if found is None else Known(*found)

    def put_calls(self, calls: Iterable[Known]) -> None:
        """Write calls."""
        self._db.executemany("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", calls)

    def get(self, name: str) -> bytes | None:
        """Return a note."""
        found = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def put(self, name: str, value: bytes) -> None:
        """Write a note."""
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def commit(self) -> None:
        """Keep what was written, and go on."""
        if self._keep:
            self._db.execute("COMMIT")
            self._db.execute("BEGIN IMMEDIATE")


@contextmanager
def opened(home: Path, *, keep: bool = True, wait: float = 30.0) -> Iterator[State]:
    """Open the index of a home, for one process at a time.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    keep : bool
        False: nothing that is written is kept.
    wait : float
        Seconds to wait for another import.

    Raises
    ------
    TranscriptError
        If another import does not end in time, or the index cannot be used.
    """
    path = index_of(home)
    try:
        connection = _connected(path, wait)
    except (sqlite3.Error, OSError) as error:
        raise _explained(error, path) from error
    try:
        yield State(connection, keep=keep)
        connection.execute("COMMIT" if keep else "ROLLBACK")
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    finally:
        connection.close()


def _connected(path: Path, wait: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # It can be made again.
        if connection.execute("PRAGMA user_version").fetchone()[0] != _LAYOUT:
            connection.executescript(f"{_TABLES}PRAGMA user_version = {_LAYOUT};")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _explained(error: Exception, path: Path) -> TranscriptError:
    if "locked" in str(error):
        return TranscriptError("another import is under way: wait until it has ended")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return TranscriptError(f"{path} is damaged ({error}): delete it; all is read again then, and counted once")
    return TranscriptError(f"cannot use {path}: {error}")
