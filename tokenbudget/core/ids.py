"""Event ids: UUID version 7 (RFC 9562), so ids sort by the time they were made."""

from __future__ import annotations

import hashlib
import os
import time


def uuid7() -> str:
    """Make a new UUIDv7 in its canonical text form.

    Examples
    --------
    >>> a = uuid7()
    >>> len(a), a[14]
    (36, '7')
    """
    return _text(time.time_ns() // 1_000_000, os.urandom(10))


def uuid7_from(key: str, unix_ms: int) -> str:
    """Make the UUIDv7 that follows from a key and a time, so that the same thing seen twice has one id.

    Examples
    --------
    >>> uuid7_from("batch_1/line_2", 1_700_000_000_000)
    '018bcfe5-6800-7e22-a706-a752dbaee66b'
    """
    return _text(unix_ms, hashlib.sha256(key.encode()).digest()[:10])


def _text(unix_ms: int, entropy: bytes) -> str:
    random = int.from_bytes(entropy)
    value = unix_ms << 80 | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid7_unix_ms(text: str) -> int:
    """Read the Unix time in milliseconds out of a UUIDv7.

    Examples
    --------
    >>> uuid7_unix_ms("018bcfe5-6800-7000-8000-000000000000")
    1700000000000
    """
    return int(text[:8] + text[9:13], 16)
