"""Internal errors: swallowed, counted and logged once; they never reach the host program.

A log without handlers writes its warnings to the program's stderr: a fault is one line there.  The traceback is for
those who set the logger ``tokenbudget`` to ``DEBUG``.
"""

from __future__ import annotations

import logging
import os
from collections import Counter

log = logging.getLogger("tokenbudget")

counts: Counter[str] = Counter()
"""Number of internal errors in this process, by place."""

_LONGEST = 200
_logged: set[tuple[str, type[BaseException]]] = set()


def swallow(where: str, error: BaseException) -> None:
    """Count an error and log the first one; with ``TOKENBUDGET_RAISE=1`` (our own tests) raise it.

    Parameters
    ----------
    where : str
        The place, e.g. ``capture.begin``: the key in `counts`.
    error : BaseException
        What went wrong there.
    """
    counts[where] += 1
    if os.environ.get("TOKENBUDGET_RAISE") == "1":
        raise error
    kind = (where, type(error))
    if kind not in _logged:
        _logged.add(kind)
        log.warning(
            "TokenBudget could not measure a call (%s: %s: %s); your call is not affected, further faults of this kind "
            "are counted silently, and logging.getLogger('tokenbudget').setLevel('DEBUG') shows where they come from",
            where,
            type(error).__name__,
            " ".join(str(error).split())[:_LONGEST],
            exc_info=details(error),
        )


def details(error: BaseException) -> BaseException | None:
    """Return what the log is to show of an error beside its text: the error, for its traceback, or nothing."""
    return error if log.isEnabledFor(logging.DEBUG) else None


def reset() -> None:
    """Forget all errors; for tests."""
    counts.clear()
    _logged.clear()
