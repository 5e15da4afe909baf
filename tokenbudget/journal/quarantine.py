"""Quarantine: events that a server rejected, and unreadable lines, with the reason, so that they block no others.

One file, ``home/quarantine/records.log``, of checksummed lines like a segment's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from tokenbudget.config import is_out_of_reach
from tokenbudget.core.errors import JournalError
from tokenbudget.journal.files import make_private, replace
from tokenbudget.journal.locks import OPEN_FLAGS, locked, sync
from tokenbudget.journal.segments.record import frame, parse
from tokenbudget.journal.writing.writer import Journal

_LOCK_SECONDS = 5.0


class QuarantinedRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record in quarantine.

    Attributes
    ----------
    kind : {"rejected", "damaged"}
        Refused by a server, or unreadable in its segment.
    reason : str
        The server's words, or what is wrong with the line.
    record : str
        The event's JSON; of a damaged line its bytes, read as Latin-1.
    field : str or None
        The field the server names.
    status : int or None
        The HTTP status the server answered with.
    at : datetime or None
        When it was set aside; UTC.
    """

    kind: Literal["rejected", "damaged"]
    reason: str
    record: str
    field: str | None = None
    status: int | None = None
    at: datetime | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(QuarantinedRecord).decode


def _path(home: Path) -> Path:
    return home / "quarantine" / "records.log"


def damaged(lines: Iterable[bytes]) -> list[QuarantinedRecord]:
    """Make entries of unreadable `lines`."""
    reason = "checksum does not match: torn or corrupted"
    return [QuarantinedRecord("damaged", reason, line.decode("latin-1")) for line in lines]


def set_aside(home: Path, entries: Iterable[QuarantinedRecord]) -> None:
    """Keep `entries` in quarantine, durably: their segment is deleted next.

    Raises
    ------
    OSError
        If the quarantine cannot be written; the segment must stay then.
    """
    now = datetime.now(UTC)
    data = b"".join(frame(_encode(msgspec.structs.replace(entry, at=now))) for entry in entries)
    if not data:
        return
    make_private(home / "quarantine")
    with _guarded(home):
        fd = os.open(_path(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT | OPEN_FLAGS, 0o600)
        try:
            os.write(fd, data)
            sync(fd)
        finally:
            os.close(fd)


def entries(home: Path) -> list[QuarantinedRecord]:
    """List what is in quarantine, oldest first, each record once."""
    try:
        lines = parse(_path(home).read_bytes()).records
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        if is_out_of_reach(_path(home)):
            return []
        raise
    return list({entry.record: entry for entry in map(_decode, lines)}.values())


def retry(home: Path) -> int:
    """Put every rejected event back into the journal, to be sent again; damaged lines stay.

    Returns
    -------
    int
        How many events were put back.  Killed halfway, some are sent twice, which the server counts once.

    Raises
    ------
    JournalError
        If the quarantine is in use, or the journal cannot be written; nothing has left the quarantine then.
    """
    if not _path(home).exists():
        return 0
    journal = Journal(home, sends=lambda: True)
    with _guarded(home):
        found = entries(home)
        rejected = [entry for entry in found if entry.kind == "rejected"]
        for entry in rejected:
            journal.append(entry.record.encode())
        journal.close()
        if journal.problem is not None:
            raise JournalError(journal.problem)
        replace(_path(home), b"".join(frame(_encode(e)) for e in found if e.kind == "damaged"), durable=True)
    return len(rejected)


@contextmanager
def _guarded(home: Path) -> Iterator[None]:
    with locked(home / "quarantine" / "lock", _LOCK_SECONDS) as taken:
        if not taken:
            msg = f"{home / 'quarantine'} is locked by another process; try again"
            raise JournalError(msg)
        yield
