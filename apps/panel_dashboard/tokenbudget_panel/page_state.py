"""The state of a page: period, time zone and grouping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import available_timezones

from tokenbudget.core.errors import TokenBudgetError
from tokenbudget.core.query import Query
from tokenbudget.notebook.question import question

PERIODS: dict[str, str] = {"24h": "24h", "7d": "7d", "30d": "30d", "90d": "90d", "Month": "mtd"}
"""Labels and periods."""

DIMENSIONS: tuple[str, ...] = ("model", "provider", "feature", "user_id")
"""Dimensions that are always offered; the tag keys in use are added."""


@dataclass(frozen=True)
class View:
    """A period, its time zone, and its grouping.

    Attributes
    ----------
    period : str
        As `tokenbudget.summary` takes it.
    by : str
        A dimension or a tag key.
    tz : str
        IANA zone.
    """

    period: str = "30d"
    by: str = "model"
    tz: str = "UTC"

    def query(self) -> Query:
        """Return the view as a query.

        Raises
        ------
        PeriodError, QueryError
            If a part of it is not understood.
        """
        return question(self.period, tz=self.tz, by=self.by)

    def or_default(self, default: View) -> View:
        """Return the view with invalid parts replaced, since it may come from a URL typed by hand."""
        kept = default
        for name in ("period", "by", "tz"):
            tried = replace(kept, **{name: getattr(self, name) or getattr(default, name)})
            try:
                tried.query()
            except TokenBudgetError:
                continue
            kept = tried
        return kept


def zones() -> list[str]:
    """Return UTC, and the IANA zones of inhabited places."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ["UTC", *sorted(places)]
