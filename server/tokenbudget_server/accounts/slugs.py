"""What a project is called in addresses: its name in small letters, digits and hyphens, once in an organisation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator
from itertools import count

PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST = 60
_NAMELESS = "project"


def slug_of(name: str) -> str:
    """Make a slug of a name.

    Examples
    --------
    >>> slug_of("Crème brûlée (v2)"), slug_of("請求")
    ('creme-brulee-v2', 'project')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain)[:LONGEST].strip("-") or _NAMELESS


def first_free(slug: str, taken: Container[str]) -> str:
    """Return a slug, with a number behind it where it is taken.

    Examples
    --------
    >>> first_free("app", {"app", "app-2"})
    'app-3'
    """
    return next(each for each in _numbered(slug) if each not in taken)


def _numbered(slug: str) -> Iterator[str]:
    yield slug
    for number in count(2):
        ending = f"-{number}"
        yield slug[: LONGEST - len(ending)].rstrip("-") + ending
