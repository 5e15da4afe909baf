"""Calls of frameworks through clients that are observed too: the client records them, the framework's handler not.

A handler enters an `Outer` when its framework starts a call, and leaves it at the end.  A `Call` begun in between in
the same context is the client's own; when it is recorded it says so to all that are open around it.  One that is never
left does no harm: nobody asks it any more.
"""

from __future__ import annotations

import contextvars


class Outer:
    """A framework's call under way.

    Attributes
    ----------
    recorded : bool
        Whether something inside has recorded it.
    around : Outer or None
        The framework's call that this one is part of.
    """

    __slots__ = ("around", "is_open", "recorded")

    def __init__(self, around: Outer | None) -> None:
        self.around = around
        self.is_open = True
        self.recorded = False

    def tell(self) -> None:
        """Say that a call inside was recorded."""
        told: Outer | None = self
        while told is not None:
            told.recorded = True
            told = told.around

    def leave(self) -> None:
        """Close it, and what was left open inside."""
        self.is_open = False
        current.set(_still_open(self.around))


current: contextvars.ContextVar[Outer | None] = contextvars.ContextVar("tokenbudget_outer", default=None)


def enter() -> Outer:
    """Open one in this context.

    Examples
    --------
    >>> outside = enter()
    >>> enter().tell()
    >>> outside.recorded
    True
    >>> outside.leave()
    """
    opened = Outer(_still_open(current.get()))
    current.set(opened)
    return opened


def _still_open(found: Outer | None) -> Outer | None:
    while found is not None and not found.is_open:
        found = found.around
    return found
