"""One record, one line: the crc32 as 8 hex digits, a space, the JSON, a newline.

The checksum is per record, so that a torn tail or a flipped byte costs the one record it hit, and the JSON stays
greppable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

PREFIX = 9
_START = re.compile(rb"[0-9a-f]{8} \{")


@dataclass(slots=True)
class Parsed:
    """What a piece of a segment holds.

    Attributes
    ----------
    records : list of bytes
        The JSON of each intact record, in the order written.
    damaged : list of bytes
        Lines whose checksum does not match: torn or corrupted.
    """

    records: list[bytes] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)


def frame(record: bytes) -> bytes:
    r"""Give the line that stores `record`.

    Examples
    --------
    >>> frame(b'{"id":"a"}')
    b'9aa4e643 {"id":"a"}\n'
    """
    return b"%08x %b\n" % (crc32(record), record)


def intact(line: bytes) -> bool:
    """Return whether `line`, without its newline, is what was written."""
    try:
        return len(line) > PREFIX and int(line[: PREFIX - 1], 16) == crc32(line[PREFIX:])
    except ValueError:
        return False


def parse(data: bytes) -> Parsed:
    """Read every intact record in `data`, which starts at a record and may end anywhere.

    Examples
    --------
    >>> parsed = parse(frame(b'{"id":"a"}') + b"torn")
    >>> parsed.records, parsed.damaged
    ([b'{"id":"a"}'], [b'torn'])
    """
    parsed = Parsed()
    keep = parsed.records.append
    for line in data.split(b"\n"):
        record = line[PREFIX:]
        try:  # `intact`, inlined: this loop reads whole journals.
            good = int(line[: PREFIX - 1], 16) == crc32(record)
        except ValueError:
            good = False
        if good and record:
            keep(record)
        elif line:
            _salvage(line, parsed)
    return parsed


def _salvage(line: bytes, parsed: Parsed) -> None:
    """Take the intact records out of a damaged `line`: a lost newline, or a torn record with others behind it."""
    found = list(_intact_parts(line))
    parsed.records.extend(part[PREFIX:] for part in found)
    separators = len(found) - 1
    if len(line) - sum(map(len, found)) > separators or not found:
        parsed.damaged.append(line)


def _intact_parts(line: bytes) -> Iterator[bytes]:
    starts = [match.start() for match in _START.finditer(line)]
    for start, stop in zip(starts, [*starts[1:], len(line)], strict=False):
        for end in (stop, stop - 1):  # A flipped newline stands between two records as one stray byte.
            part = line[start:end]
            if intact(part):
                yield part
                break
