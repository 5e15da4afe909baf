"""Calls that are billed but not measured: counted, logged once, and included in no figure."""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

log = logging.getLogger("tokenbudget")

counts: Counter[str] = Counter()
"""Number of calls in this process, by package and call, e.g. ``openai fine_tuning.jobs.create``."""


class NotMeasuredWarning(UserWarning):
    """A call of an observed client is not measured."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A call that is billed and not measured.

    Attributes
    ----------
    call : str
        How it is made, e.g. ``fine_tuning.jobs.create``.
    reason : str
        Why it is not measured, for the warning and the documentation.
    """

    call: str
    reason: str


def by_end(table: Mapping[str, Unmeasured]) -> Callable[[str], Unmeasured | None]:
    """Make a search by the end of a path, in which ``{}`` stands for an id.

    Examples
    --------
    >>> find = by_end({"/evals/{}/runs": Unmeasured("evals.runs.create", "...")})
    >>> find("/v1/evals/eval_1/runs").call, find("/threads/thread_1/runs")
    ('evals.runs.create', None)
    """
    known = [(re.compile(".*" + re.escape(end).replace(r"\{\}", "[^/]+")), what) for end, what in table.items()]

    @lru_cache(512)
    def find(path: str) -> Unmeasured | None:
        return next((what for end, what in known if end.fullmatch(path)), None)

    return find


def note(package: str, what: Unmeasured) -> None:
    """Count a call, and warn the first time.

    Parameters
    ----------
    package : str
        The SDK it was made with.
    what : Unmeasured
        The call.
    """
    name = f"{package} {what.call}"
    counts[name] += 1
    if counts[name] == 1:
        _say(
            f"TokenBudget does not measure {name}: {what.reason}. What it costs is in no figure; "
            "tb.status() counts such calls"
        )


def _say(text: str) -> None:
    """Log a warning if logging is configured, else issue a Python warning."""
    if not log.hasHandlers():
        try:
            warnings.warn(text, NotMeasuredWarning, stacklevel=3)
        except NotMeasuredWarning:  # warnings are errors here: never the host program's problem
            log.warning(text)
    else:
        log.warning(text)


def reset() -> None:
    """Forget all calls; for tests."""
    counts.clear()
