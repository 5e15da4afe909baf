"""API keys: how they look, and how they are hashed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import NamedTuple

import bcrypt

PREFIX = "tb_ak_"
LOOKUP_LENGTH = 8
_ENDING_LENGTH = 4
_KEY = re.compile(r"tb_ak_[0-9a-f]{32}")
_ROUNDS = 8
"""As few as bcrypt is worth at all (16 ms): nobody guesses 128 random bits, however quickly a guess is checked."""


class NewKey(NamedTuple):
    """A key just made; its text is shown once and not kept.

    Attributes
    ----------
    text : str
        ``tb_ak_`` and 32 hexadecimal digits.
    lookup, ending : str
        The first 8 of these digits, by which the key's hash is found, and the last 4.
    hash : str
        The bcrypt hash of the whole text.
    """

    text: str
    lookup: str
    ending: str
    hash: str


def make_key() -> NewKey:
    """Make a key."""
    text = PREFIX + secrets.token_hex(16)
    return NewKey(text, lookup(text), text[-_ENDING_LENGTH:], hash_key(text))


def hash_key(text: str) -> str:
    """Return a key's hash, for the database."""
    return bcrypt.hashpw(text.encode(), bcrypt.gensalt(_ROUNDS)).decode()


def is_key(text: str) -> bool:
    """Whether a text has the form of a key.

    Examples
    --------
    >>> is_key("tb_ak_0123456789abcdef0123456789abcdef"), is_key("sk-123")
    (True, False)
    """
    return _KEY.fullmatch(text) is not None


def lookup(text: str) -> str:
    """Return the part of a key that is stored as it is.

    Examples
    --------
    >>> lookup("tb_ak_0123456789abcdef0123456789abcdef")
    '01234567'
    """
    return text.removeprefix(PREFIX)[:LOOKUP_LENGTH]


def digest(text: str) -> str:
    """Return the name under which a verified key is remembered; the key cannot be found from it."""
    return sha256(text.encode()).hexdigest()


def matches(text: str, hash_: str) -> bool:
    """Whether a hash is the key's."""
    return bcrypt.checkpw(text.encode(), hash_.encode())


def find_match(text: str, hashes: Iterable[str]) -> str | None:
    """Return which of some hashes is the key's; None where none is."""
    return next((hash_ for hash_ in hashes if matches(text, hash_)), None)


@cache
def nobodys_hash() -> str:
    """Return a hash that no key has, to be compared with where there is no other."""
    return hash_key(secrets.token_hex(16))


def is_costly(hash_: str) -> bool:
    """Whether a hash takes more rounds to compare with than those that are made now.

    Examples
    --------
    >>> is_costly("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")
    True
    """
    return int(hash_.split("$")[2]) > _ROUNDS
