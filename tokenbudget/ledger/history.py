"""The events kept on this machine, in pieces, to send them to a server.

What a server has taken under a key is remembered by file in ``<home>/ledger/sent.json``, so that handing over goes on
where it stopped.  A file that was merged or priced again since has a new name and is handed over anew: the ids are the
same, so a server that has the events leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from tokenbudget.core.event import encode
from tokenbudget.journal import read_snapshot
from tokenbudget.journal.compaction.manifest import ledger_dir
from tokenbudget.journal.files import make_private, replace
from tokenbudget.journal.snapshot import JournalSnapshot
from tokenbudget.ledger.sealed import complete, from_sealed

_ROWS = 500
_KEPT = ".keep.seg"
_marks = msgspec.json.Decoder(dict[str, dict[str, int]])


class Piece(NamedTuple):
    """Some events of one file: its name, the number of events up to the end of the piece, and their JSON."""

    file: str
    end: int
    records: list[bytes]


class History:
    """The events kept under `home` that the server does not have yet.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    url : str
        Of the server.
    api_key : str or None
        It decides the project: the history is sent to each once.

    Raises
    ------
    JournalError
        If the manifest of the ledger cannot be read.
    """

    def __init__(self, home: Path, url: str, api_key: str | None = None) -> None:
        self._home = home
        self._server = sha256(f"{url} {api_key}".encode()).hexdigest()[:16]
        self._snapshot = read_snapshot(home)
        self._taken = self._load().get(self._server, {})

    @property
    def waiting(self) -> int:
        """Number of events that the server does not have."""
        return sum(held - self._taken.get(file, 0) for file, held in _files(self._snapshot).items())

    def pieces(self) -> Iterator[Piece]:
        """Return these events, the oldest files first.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        for part in self._snapshot.parts:
            start = self._taken.get(part.file, 0)
            sealed = pl.read_parquet(part.path(self._home)) if start < part.rows else pl.DataFrame()
            for at in range(start, sealed.height, _ROWS):
                records = [encode(event) for event in from_sealed(complete(sealed.slice(at, _ROWS)))]
                yield Piece(part.file, min(at + _ROWS, part.rows), records)
        for tail in self._snapshot.tails:
            if tail.segment.endswith(_KEPT):
                for at in range(self._taken.get(tail.segment, 0), len(tail.records), _ROWS):
                    records = tail.records[at : at + _ROWS]
                    yield Piece(tail.segment, at + len(records), records)

    def taken(self, piece: Piece) -> None:
        """Note that the server has acknowledged a piece.

        Raises
        ------
        OSError
            If that cannot be written.
        """
        self._taken = {**self._taken, piece.file: piece.end}
        there = _files(self._snapshot)
        marks = {**self._load(), self._server: {file: end for file, end in self._taken.items() if file in there}}
        make_private(ledger_dir(self._home))
        replace(self._path, msgspec.json.encode(marks))

    @property
    def _path(self) -> Path:
        return ledger_dir(self._home) / "sent.json"

    def _load(self) -> Mapping[str, dict[str, int]]:
        try:
            return _marks.decode(self._path.read_bytes())
        except (OSError, msgspec.DecodeError):
            return {}  # Then all of it is handed over again, which changes nothing.


def _files(snapshot: JournalSnapshot) -> dict[str, int]:
    """Return the number of events in each file of local mode."""
    tails = {tail.segment: len(tail.records) for tail in snapshot.tails if tail.segment.endswith(_KEPT)}
    return {part.file: part.rows for part in snapshot.parts} | tails
