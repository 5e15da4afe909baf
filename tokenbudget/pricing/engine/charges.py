"""The charges of input or output: token classes with their own rates, and the rate of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from operator import attrgetter

import msgspec

from tokenbudget.core.usage import Usage

# A context of its own: the host program's may be of any precision, or trap.
EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)


class Charge(msgspec.Struct, frozen=True):
    """How many tokens a line bills (``field`` less those in ``less``), and their rate; None where there is none."""

    part: str
    field: str
    less: tuple[str, ...]
    rate: Decimal | None


class Side:
    """The charges of input or output: parts with their own rates, and the rate of the rest.

    Attributes
    ----------
    name : str
        ``input`` or ``output``.
    field : str
        The count of all its tokens.
    read : callable
        Reads all part counts in one step, so that calls without parts, which are most, stay cheap.
    """

    __slots__ = ("charges", "field", "name", "rate", "read")

    def __init__(self, name: str, charges: tuple[Charge, ...], rate: Decimal | None) -> None:
        self.name = name
        self.field = f"{name}_tokens"
        self.charges = charges
        self.rate = rate
        self.read = reader(tuple(charge.field for charge in charges))


def reader(names: Sequence[str]) -> Callable[[Usage], Sequence[int]]:
    """Return a function that reads several counts of a usage at once."""
    # Twice the last field: attrgetter gives a tuple only for two names and more.
    return attrgetter(*names, names[-1]) if names else _nothing


def _nothing(_: Usage) -> Sequence[int]:
    return ()
