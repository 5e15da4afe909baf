"""Passwords: which are taken, how they are hashed, and how guessing is slowed down."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from functools import cache

import bcrypt

from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.web.problems import FieldError, ProblemError

SHORTEST = 12
_LONGEST_BYTES = 72
_ROUNDS = 12
_FREE = 3
_LONGEST_WAIT = 900.0
_FORGET_SECONDS = 3600.0
_PAIRS = 20_000


def check_strength(password: str, field: str = "password") -> None:
    """Refuse a password that is too short, or that bcrypt would not read to its end.

    Raises
    ------
    ProblemError
        400, which names the field.
    """
    size = len(password.encode(errors="surrogatepass"))
    if len(password) < SHORTEST:
        reason = f"it has {len(password)} characters, and must have at least {SHORTEST}"
    elif size > _LONGEST_BYTES:
        reason = f"it has {size} bytes, and bcrypt reads no more than {_LONGEST_BYTES}: take a shorter one"
    elif "\0" in password or size != len(password.encode(errors="ignore")):
        reason = "it holds a character that cannot be hashed: U+0000 or half of a surrogate pair"
    else:
        return
    raise ProblemError(400, "the password cannot be used", [FieldError(field=field, reason=reason)])


def hash_password(password: str) -> str:
    """Return a password's hash (0.25 s: it is slow on purpose)."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()


def matches(password: str, hash_: str | None) -> bool:
    """Whether a hash is the password's; where there is none, find out that it is not in the same time."""
    tried = password.encode(errors="replace").replace(b"\0", b"?")[:_LONGEST_BYTES]
    is_equal = bcrypt.checkpw(tried, (hash_ or _nobodys()).encode())
    return is_equal and hash_ is not None and tried == password.encode(errors="surrogatepass")


class Delays:
    """How long an address waits before it may try a password of an account again: 1, 2, 4 … s after a few wrong ones.

    What others try from elsewhere delays nobody: an account is never locked.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: MemoryCache[tuple[int, float]] = MemoryCache(_PAIRS, seconds=_FORGET_SECONDS, clock=clock)

    def check(self, email: str, network: str) -> None:
        """Refuse an attempt that comes too early.

        Raises
        ------
        ProblemError
            429; ``Retry-After`` has the seconds to wait.
        """
        count, at = self._failed.get(f"{network} {email}") or (0, 0.0)
        wait = math.ceil(at + _pause(count) - self._clock())
        if count and wait > 0:
            detail = f"too many wrong passwords: try again in {wait} s"
            raise ProblemError(429, detail, headers={"Retry-After": str(wait)})

    def failed(self, email: str, network: str) -> None:
        """Note an attempt before it is known to be right, so that many at once are not all free."""
        count, _ = self._failed.get(f"{network} {email}") or (0, 0.0)
        self._failed.put(f"{network} {email}", (count + 1, self._clock()))

    def succeeded(self, email: str, network: str) -> None:
        """Forget the attempts of an address for an account."""
        self._failed.put(f"{network} {email}", (0, self._clock()))


def _pause(failures: int) -> float:
    return 0.0 if failures < _FREE else min(_LONGEST_WAIT, float(1 << min(failures - _FREE, 20)))


@cache
def _nobodys() -> str:
    return hash_password(secrets.token_hex(16))
