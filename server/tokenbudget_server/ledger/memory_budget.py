"""How much memory this process may use for answers: a part of what the machine, or its container, has.

Half of it is for days that are remembered, half for the questions under way.  Whatever a question needs is estimated
before it is read, so that a small server refuses what a large one answers, and neither falls over.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tokenbudget_server.web.pools import QUESTIONS_AT_ONCE

BYTES_PER_EVENT = 1_000
"""About what an event takes while it is read, with a few tags: a third of it when it is a row of the ledger."""
_BYTES_PER_GROUP = 800
_BYTES_PER_EXACT_CALL = 100
_MOST_REMEMBERED = 1 << 30
_MOST = 4 << 30
_LEAST = 128 << 20
_PART = 2
"""The other half is for what is not estimated: the program itself, ingest, the system."""
_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class MemoryBudget:
    """The memory for answers of one process.

    Attributes
    ----------
    size : int
        Bytes.
    """

    size: int

    @property
    def remembered(self) -> int:
        """Bytes for days that are kept for the next question."""
        return min(self.size // 2, _MOST_REMEMBERED)

    @property
    def per_question(self) -> int:
        """Bytes for each of the questions that may be under way at once."""
        return (self.size - self.remembered) // QUESTIONS_AT_ONCE

    @property
    def events(self) -> int:
        """Events that are read at once."""
        return self.per_question // BYTES_PER_EVENT

    @property
    def events_in_memory(self) -> int:
        """Events of days that are kept in memory, for all questions together."""
        return (self.remembered + self.per_question) // BYTES_PER_EVENT

    @property
    def totals(self) -> int:
        """Bytes for the totals of the days that one question is about."""
        return self.remembered + self.per_question

    @property
    def groups(self) -> int:
        """Groups that one question may sum up."""
        return self.per_question // _BYTES_PER_GROUP

    @property
    def exact_calls(self) -> int:
        """Calls that exact percentiles may be asked of."""
        return max(1_000_000, self.per_question // _BYTES_PER_EXACT_CALL)


@cache
def of_this_machine() -> MemoryBudget:
    """Return the part of this machine's or container's memory that one process takes by default."""
    return MemoryBudget(max(_LEAST, min(_MOST, min(_limits()) // _PART)))


def _limits() -> Iterator[int]:
    yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft
    for path in _CGROUP:
        with suppress(OSError, ValueError):  # No limit is the word "max".
            yield int(Path(path).read_text())
