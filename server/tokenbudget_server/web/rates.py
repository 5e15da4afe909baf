"""How often something may be done, as settings say it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3_600}
_RATE = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,2})?([smh])")


@dataclass(frozen=True)
class Rate:
    """A limit: so many requests in so many seconds, which may come all at once.

    Attributes
    ----------
    name : str
        What is limited, in the plural; part of what a caller is told.
    most : int
    seconds : float
    """

    name: str
    most: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds until one more request is allowed."""
        return self.seconds / self.most


def read_rate(name: str, text: str) -> Rate | None:
    """Read a limit; None where the text is none.

    Examples
    --------
    >>> read_rate("requests", "300/3s")
    Rate(name='requests', most=300, seconds=3)
    """
    if not (match := _RATE.fullmatch(text)):
        return None
    return Rate(name, int(match[1]), int(match[2] or 1) * _UNITS[match[3]])
