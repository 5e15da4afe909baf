"""Warn if results of this machine lack calls."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from tokenbudget.config import is_out_of_reach
from tokenbudget.core.formatting import plural
from tokenbudget.journal import in_this_process, journal_dir


class MissingCallsWarning(UserWarning):
    """The result lacks calls that were made."""


def warn_of_missing(home: Path, stacklevel: int = 4) -> None:
    """Warn of calls that results from `home` do not include.

    Parameters
    ----------
    stacklevel : int
        How far up the caller's user is, this function being 1.
    """
    for reason in _missing(home):
        advice = "set TOKENBUDGET_HOME to a directory that can be read and written"
        warnings.warn(f"{reason}; {advice}", MissingCallsWarning, stacklevel=stacklevel)


def _missing(home: Path) -> Iterator[str]:
    if is_out_of_reach(journal_dir(home)):
        yield f"what was recorded earlier under {home} is not in this answer: permission to read it is denied"
    if refused := sum(journal.refused for journal in in_this_process(home)):
        yield f"{plural(refused, 'call')} of this process not in this answer: no more could wait in memory or on disk"
