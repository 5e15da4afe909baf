"""Event ids: UUID version 7 (RFC 9562), so ids sort by the time they were made."""

from __future__ import annotations

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
    random = int.from_bytes(os.urandom(10))
    value = (
        (time.time_ns() // 1_000_000) << 80
        | 0x7 << 76
        | (random >> 68) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
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
