"""Sessions that state the sum of their tokens after each call, again where nothing was added, and again in forks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tokenbudget.imports.agent import Skip

_PARENT_KNOWN_SECONDS, _PARENT_UNKNOWN_SECONDS = 3.0, 1.0
"""Longest pause within a replay, which is written at once; where the parent's sums are known, they decide."""
REPEATED = Skip("the same total again: nothing was added")
REPLAYED = Skip("history of the session that this one was forked from")


class Replay(msgspec.Struct, omit_defaults=True):
    """How far a file is in the history of another session that it repeats.

    Attributes
    ----------
    parent : str
        Id of the session it was forked from; empty: it is no fork, or the history is over.
    began, last_at : float
        When the file was begun, and when the last line was written; Unix seconds.
    seen : int
        Sums of the parent that came already.
    """

    parent: str = ""
    began: float = 0.0
    last_at: float = 0.0
    seen: int = 0

    def goes_on(self, at: float, known: list[int] | None) -> bool:
        """Return whether a line written then still belongs to the history.

        Parameters
        ----------
        at : float
            Unix seconds; history is stamped with the time of the fork, or keeps its own.
        known : list of int or None
            The parent's sums; None where its transcript was never seen.
        """
        if self.parent and at >= self.began:
            longest = _PARENT_UNKNOWN_SECONDS if known is None else _PARENT_KNOWN_SECONDS
            if at - self.last_at > longest:
                self.parent = ""
            self.last_at = at
        return bool(self.parent)

    def repeats(self, at: float, total: int, known: list[int] | None) -> bool:
        """Return whether a sum is one of the parent's: written at once, and where they are known, one of them.

        Examples
        --------
        >>> replay = Replay(parent="a", began=100.0, last_at=100.0)
        >>> [replay.repeats(at, total, [50, 90]) for at, total in ((100.1, 50), (100.2, 90), (103.0, 120))]
        [True, True, False]
        """
        if not self.goes_on(at, known):
            return False
        if known is None:
            return True
        if total not in known[self.seen :]:
            self.parent = ""
            return False
        self.seen = known.index(total, self.seen) + 1
        return True


class Sums(msgspec.Struct, omit_defaults=True):
    """The sums of one session so far.

    Attributes
    ----------
    total : tuple of int
        The last ones, by kind of token.
    restarts : int
        How often they began anew.
    seen : list of int
        All of them, each as one number.
    replay : Replay
    """

    total: tuple[int, ...] = ()
    restarts: int = 0
    seen: list[int] = []
    replay: Replay = msgspec.field(default_factory=Replay)

    def add(self, total: tuple[int, ...], at: float, parent: list[int] | None) -> Skip | Sequence[int]:
        """Take a sum, and return what was added to the one before.

        Parameters
        ----------
        total : tuple of int
            Empty where none is stated.
        at : float
            When it was written, Unix seconds.
        parent : list of int or None
            What the session it was forked from has seen.
        """
        if total and total == self.total:
            return REPEATED
        before, self.total = self.total, total or self.total
        if total and sum(total) < sum(before):
            self.restarts, before = self.restarts + 1, ()
        is_replayed = self.replay.repeats(at, sum(total), parent)
        self.seen.append(sum(total))
        if is_replayed:
            return REPLAYED
        return [now - was for now, was in zip(total, before or (0,) * len(total), strict=True)]

    @property
    def position(self) -> str:
        """What tells this sum from all others of the session."""
        return f"{self.restarts}/{'/'.join(map(str, self.total)) or len(self.seen)}"
