"""Calls of frameworks through observed clients: the client records them, and the framework's handler does not.

A handler enters a `FrameworkCall` when its framework starts a call, and leaves it at the end.  A `Call` begun between
the two in the same context makes itself known to all that are open around it.  It is the framework's call itself, or
another one (a guard, a tool, another model asked while a stream is read): the handler tells by the answer.  A
`FrameworkCall` that is never left does no harm: it is not asked any more.
"""

from __future__ import annotations

import contextvars
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenbudget.capture.call import Call

_KEPT = 64
"""Calls that are remembered of one framework's call, which as a rule makes one."""


class FrameworkCall:
    """A framework's call in progress.

    Attributes
    ----------
    calls : deque of Call
        What clients inside have begun, and what handlers inside have recorded.
    around : Outer or None
        The framework's call that this one is part of.
    """

    __slots__ = ("around", "calls", "is_open")

    def __init__(self, around: FrameworkCall | None) -> None:
        self.around = around
        self.is_open = True
        self.calls: deque[Call] = deque(maxlen=_KEPT)

    def hear(self, call: Call) -> None:
        """Take note of a call inside."""
        told: FrameworkCall | None = self
        while told is not None:
            if told.is_open and call not in told.calls:
                told.calls.append(call)
            told = told.around

    def leave(self) -> None:
        """Close it, and what was left open inside."""
        self.is_open = False
        current.set(_still_open(self.around))


current: contextvars.ContextVar[FrameworkCall | None] = contextvars.ContextVar("tokenbudget_outer", default=None)


def enter() -> FrameworkCall:
    """Open one in this context.

    Examples
    --------
    >>> outside = enter()
    >>> enter().around is outside
    True
    >>> outside.leave()
    """
    opened = FrameworkCall(_still_open(current.get()))
    current.set(opened)
    return opened


def _still_open(found: FrameworkCall | None) -> FrameworkCall | None:
    while found is not None and not found.is_open:
        found = found.around
    return found
