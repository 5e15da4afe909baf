"""Log a problem of the journal once, and again if it persists for ten minutes."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from time import monotonic

log = logging.getLogger("tokenbudget")

_AGAIN_SECONDS = 600.0
REFUSED = "are refused until the server has taken some: see `tokenbudget doctor`, or raise TOKENBUDGET_CAP_MIB"
"""What becomes of events while as many wait to be sent as may."""


def in_memory(sends: bool) -> str:  # noqa: FBT001 (read where it is called)
    """Say what becomes of events that cannot be written, and what to do."""
    sent = "until the server has them " if sends else ""
    elsewhere = Path(tempfile.gettempdir(), "tokenbudget")
    return (
        f"wait in memory {sent}and are lost if the process ends: make room, or set TOKENBUDGET_HOME to a directory "
        f"that can be written, e.g. TOKENBUDGET_HOME={elsewhere}"
    )


class ThrottledLog:
    """What is wrong now, and when what was said.

    Attributes
    ----------
    problem : str or None
        What was complained of last; None when all is well again.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._said: dict[str, float] = {}

    def say(self, problem: str) -> None:
        """Complain of `problem`, without repeating oneself."""
        self.problem = problem
        now = monotonic()
        if now > self._said.get(problem, -_AGAIN_SECONDS) + _AGAIN_SECONDS:
            self._said[problem] = now
            log.warning("tokenbudget: %s", problem)

    def settle(self, news: str) -> None:
        """End the problem; if there was one, log the `news`."""
        if self.problem is not None:
            log.info("tokenbudget: %s", news)
            self.problem = None
