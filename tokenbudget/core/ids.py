"""Event ids: UUID version 7 (RFC 9562), so ids sort by the time they were made."""

from __future__ import annotations

import hashlib
import os
import time

_DRAWN = 256
_unused: list[str] = []
"""Random parts of the next ids, drawn in bulk: the system call costs more than the rest of an id."""

_VARIANTS = {f"{digit:x}": f"{0b1000 | digit & 0b11:x}" for digit in range(16)}


def uuid7() -> str:
    """Make a new UUIDv7 in its canonical text form.

    Examples
    --------
    >>> a = uuid7()
    >>> len(a), a[14]
    (36, '7')
    """
    try:
        end = _unused.pop()
    except IndexError:
        end = _draw()
    return _begin(time.time_ns() // 1_000_000) + end


def uuid7_from(key: str, unix_ms: int) -> str:
    """Derive a UUIDv7 from a key and a time, so that the same answer always has the same id.

    Examples
    --------
    >>> uuid7_from("batch_1/line_2", 1_700_000_000_000)
    '018bcfe5-6800-7e22-ba70-6a752dbaee66'
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass"))  # Also of a key that cannot be stored.
    return _begin(unix_ms) + _end(digest.hexdigest())


def _draw() -> str:
    digits = os.urandom(10 * _DRAWN).hex()
    first, *others = (_end(digits[at : at + 20]) for at in range(0, len(digits), 20))
    _unused.extend(others)
    return first


def _begin(unix_ms: int) -> str:
    return unix_ms.to_bytes(6, "big").hex("-", -4)


def _end(entropy: str) -> str:
    # 74 of the hexadecimal digits' bits are used: three digits, two bits of the fourth below the variant, 15 digits.
    return f"-7{entropy[:3]}-{_VARIANTS[entropy[3]]}{entropy[4:7]}-{entropy[7:19]}"


def uuid7_unix_ms(text: str) -> int:
    """Return the Unix time in milliseconds of a UUIDv7.

    Examples
    --------
    >>> uuid7_unix_ms("018bcfe5-6800-7000-8000-000000000000")
    1700000000000
    """
    return int(text[:8] + text[9:13], 16)


if hasattr(os, "register_at_fork"):
    # A child must not make its parent's ids.
    os.register_at_fork(after_in_child=_unused.clear)
