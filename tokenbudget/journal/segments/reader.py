"""Read segments while others write, ship and compact them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenbudget.core.event import Event, decode
from tokenbudget.journal.locks import OPEN_FLAGS
from tokenbudget.journal.segments.record import Parsed, intact, parse
from tokenbudget.journal.segments.segment import list_segments

_CHUNK = 8 << 20


@dataclass(slots=True)
class Chunk(Parsed):
    """Records of one segment from byte `start` up to byte `end`."""

    start: int = 0
    end: int = 0


def read_chunk(path: Path, start: int = 0, limit: int = _CHUNK, *, lines: int = -1, finished: bool = False) -> Chunk:
    """Read whole records of a segment from byte `start`, about `limit` bytes of them.

    Parameters
    ----------
    lines : int, optional
        At most so many lines.
    finished : bool, default False
        Whether the segment is finished: then bytes after the last newline are a torn record, not one being written.

    Raises
    ------
    FileNotFoundError
        If the segment was settled (shipped or compacted) and is gone.
    """
    fd = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    try:
        data = _read_lines(fd, start, limit, finished=finished)
    finally:
        os.close(fd)
    if lines > 0 and len(rest := data.split(b"\n", lines)) > lines:
        data = data[: len(data) - len(rest[-1])]
    parsed = parse(data)
    return Chunk(parsed.records, parsed.damaged, start, start + len(data))


def _read_lines(fd: int, start: int, limit: int, *, finished: bool) -> bytes:
    os.lseek(fd, start, os.SEEK_SET)
    data = b""
    while block := os.read(fd, limit):
        data += block
        cut = data.rfind(b"\n") + 1
        if len(block) < limit:  # The end of the file; a last newline may be missing, the record may not.
            return data if finished or intact(data[cut:]) else data[:cut]
        if cut:
            return data[:cut]
    return data


def read_lines(home: Path) -> Iterator[bytes]:
    """Return the JSON of every intact record the journal holds, oldest segment first.

    Events that were compacted to Parquet or acknowledged by a server are not in the journal any more; see
    `tokenbudget.journal.read_snapshot` for a consistent look at both.
    """
    for segment in list_segments(home):
        try:
            start = 0
            while (chunk := read_chunk(segment.path, start)).end > start:
                yield from chunk.records
                start = chunk.end
        except FileNotFoundError:
            continue


def read(home: Path) -> Iterator[Event]:
    """Return every event the journal holds, oldest segment first.

    Raises
    ------
    msgspec.ValidationError
        If an intact record is no event.

    Examples
    --------
    >>> import tempfile
    >>> list(read(Path(tempfile.mkdtemp())))
    []
    """
    return map(decode, read_lines(home))
