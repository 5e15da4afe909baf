"""Answers for all visitors: a query is made once for all who have the same view, and cached for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl

from tokenbudget import config
from tokenbudget.core.query import DIMENSIONS as COLUMNS
from tokenbudget.core.query import Query
from tokenbudget.notebook.backend import Answers, answers
from tokenbudget_panel.error_messages import Trouble, explained
from tokenbudget_panel.page_state import DIMENSIONS, View

FRESH_SECONDS = 4.0
"""How long an answer is reused for the same view."""
RECENT_SECONDS = 60.0
"""How long an answer may be shown while a page opens, until the new one arrives."""
TAGS_FRESH_SECONDS = 60.0
CHART_GROUPS = 6
TABLE_GROUPS = 50
_SAMPLED_CALLS = 200
_NEVER = float("-inf")


@dataclass(frozen=True)
class Snapshot:
    """All data of a view, from the same point in time.

    Attributes
    ----------
    query : Query
    spans : polars.DataFrame
        The result of ``summary``: the period, then the one before it.
    groups : polars.DataFrame
        The result of ``by``.
    series : polars.DataFrame
        The result of ``timeseries``.
    dimensions : tuple of str
        What one can split by.
    source : str
        Who answered, for people.
    taken_at : datetime
        UTC.
    """

    query: Query
    spans: pl.DataFrame
    groups: pl.DataFrame
    series: pl.DataFrame
    dimensions: tuple[str, ...]
    source: str
    taken_at: datetime

    @property
    def current(self) -> dict[str, Any]:
        """The period's metrics."""
        return self.spans.row(0, named=True)

    @property
    def previous(self) -> dict[str, Any]:
        """The metrics of the period before."""
        return self.spans.row(1, named=True)


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    outcome: Snapshot | Trouble | None = None
    at: float = _NEVER


class Desk:
    """Answers views; thread-safe, one for all visitors who may see the same.

    Parameters
    ----------
    most_kept : int
        How many views' answers are kept.

    Attributes
    ----------
    ask : callable or None
        Gives who answers: as a visitor who signed in may ask, else as the settings in force say.
    """

    def __init__(self, most_kept: int = 128) -> None:
        self.ask: Callable[[], Answers] | None = None
        self._most_kept = most_kept
        self._lock = threading.Lock()
        self._kept: dict[View, _Kept] = {}
        self._tags: set[str] = set()
        self._tags_at = _NEVER

    @property
    def is_of_visitor(self) -> bool:
        """Whether it answers one who signed in."""
        return self.ask is not None

    def look(self, view: View) -> Snapshot | Trouble:
        """Return the answer to a view, from the cache if it is fresh; never raises.

        Those who ask the same at once wait for one answer.
        """
        kept = self._place(view)
        with kept.lock:
            if kept.outcome is None or time.monotonic() - kept.at > FRESH_SECONDS:
                kept.outcome = self._take(view, after=kept.outcome)
                kept.at = time.monotonic()
            return kept.outcome

    def recall(self, view: View) -> Snapshot | None:
        """Return the cached answer to a view, if there is a recent one."""
        kept = self._kept.get(view)
        if kept is None or time.monotonic() - kept.at >= RECENT_SECONDS:
            return None
        return kept.outcome if isinstance(kept.outcome, Snapshot) else None

    def ask_again(self) -> None:
        """Expire all cached answers."""
        with self._lock:
            for kept in self._kept.values():
                kept.at = _NEVER

    def _place(self, view: View) -> _Kept:
        with self._lock:
            kept = self._kept.pop(view, None) or _Kept()
            self._kept[view] = kept  # The last asked for is the last to go.
            while len(self._kept) > self._most_kept:
                del self._kept[next(iter(self._kept))]
            return kept

    def _take(self, view: View, after: Snapshot | Trouble | None) -> Snapshot | Trouble:
        try:
            if isinstance(after, Trouble):
                config.configure()  # Reads the settings anew: they may be right by now.
            query, asked = view.query(), (self.ask or answers)()
            return Snapshot(
                query=query,
                spans=asked.summary(msgspec.structs.replace(query, by=())),
                groups=asked.by(msgspec.structs.replace(query, limit=TABLE_GROUPS)),
                series=asked.timeseries(msgspec.structs.replace(query, limit=CHART_GROUPS)),
                dimensions=self._dimensions(asked, query),
                source=_source(),
                taken_at=datetime.now(UTC),
            )
        except Exception as error:  # noqa: BLE001 (the page shows what went wrong)
            return explained(error, signs_in=self.is_of_visitor)

    def _dimensions(self, asked: Answers, query: Query) -> tuple[str, ...]:
        """Return the tag keys of recent calls, and those found earlier."""
        if time.monotonic() - self._tags_at > TAGS_FRESH_SECONDS:
            recent = asked.events(msgspec.structs.replace(query, by=(), limit=_SAMPLED_CALLS))
            self._tags |= {name.removeprefix("tag_") for name in recent.columns if name.startswith("tag_")}
            self._tags_at = time.monotonic()
        tags = sorted(self._tags - {*DIMENSIONS, *COLUMNS})
        return (*DIMENSIONS, *tags)


def _source() -> str:
    settings = config.current()
    return settings.url.partition("://")[2] if settings.url else "this machine's journal"


desk = Desk()
"""The answers of this process."""
