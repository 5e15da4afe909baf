"""Read what is new in a transcript: lines that hold a marker, and none of the others.

Most bytes of a transcript are prompts, answers and files, which are neither parsed nor copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

_CHUNK = 4 << 20
_MARK = 64


class Line(NamedTuple):
    """A line of a file, and where it ends."""

    record: bytes
    start: int
    end: int


def marked(data: bytes, markers: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    r"""Find the lines that hold a marker, in order, as (start, end) without the newline.

    Examples
    --------
    >>> list(marked(b'{"a":1}\n{"usage":2}\n{"b":3}', (b'"usage"',)))
    [(8, 19)]
    """
    found: dict[int, int] = {}
    for marker in markers:
        at = data.find(marker)
        while at >= 0:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            found[data.rfind(b"\n", 0, at) + 1] = end
            at = data.find(marker, end)
    return iter(sorted(found.items()))


def read_lines(path: Path, offset: int, markers: tuple[bytes, ...]) -> Iterator[Line]:
    """Read the marked lines from a byte on; the last item, an empty record, says how far the file was read.

    What follows the last newline is left for the next time, unless it is whole JSON.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(offset)
        data = b""
        while block := file.read(_CHUNK):
            cut = block.rfind(b"\n") + 1
            if not cut:
                data += block
                continue
            yield from _found(data + block[:cut], offset, markers)
            offset += len(data) + cut
            data = block[cut:]
        if data and _is_whole(data):
            yield from _found(data, offset, markers)
            offset += len(data)
    yield Line(b"", offset, offset)


def mark(path: Path, offset: int) -> bytes:
    """Return a digest of the last bytes before an offset; nothing where they cannot be read."""
    begin = max(0, offset - _MARK)
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return blake2b(file.read(offset - begin), digest_size=8).digest()
    except OSError:
        return b""


def _found(data: bytes, offset: int, markers: tuple[bytes, ...]) -> Iterator[Line]:
    for start, end in marked(data, markers):
        yield Line(data[start:end], offset + start, offset + end + 1)


def _is_whole(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True
