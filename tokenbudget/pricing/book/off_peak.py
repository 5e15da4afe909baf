"""Hours of the week at which a provider charges less."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tokenbudget.pricing.book.field_names import parse


class Window(msgspec.Struct, frozen=True):
    """Hours of the day in UTC on some days of the week.

    Attributes
    ----------
    start, end : time
        UTC; the start is inside, the end is not.  A window that ends before or as it starts runs over midnight.
    weekdays : frozenset of int
        ISO numbers (Monday is 1), by the calendar of the zone.
    """

    start: time
    end: time
    weekdays: frozenset[int]

    def covers(self, clock: time, weekday: int) -> bool:
        """Return whether an instant, given as UTC clock and local weekday, lies in the window."""
        if weekday not in self.weekdays:
            return False
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class OffPeak(msgspec.Struct, frozen=True):
    """Cheaper rates by part, and when they hold."""

    rates: dict[str, Decimal]
    windows: tuple[Window, ...]
    zone: tzinfo

    @classmethod
    def read(cls, fields: dict[str, Any] | None) -> OffPeak | None:
        """Read the table's ``off_peak_pricing``; None where there is none."""
        if not fields:
            return None
        rules = [{"hours_utc": fields.get("hours_utc")}, *fields.get("windows", ())]
        zone = fields.get("weekday_timezone")
        return cls(
            rates={
                field.slot: value
                for name, value in fields.items()
                if isinstance(value, Decimal) and (field := parse(name)) is not None
            },
            windows=tuple(window for rule in rules for window in _windows(rule)),
            zone=ZoneInfo(zone) if zone else UTC,
        )

    def holds(self, at: datetime) -> bool:
        """Return whether an instant is off peak."""
        clock, weekday = at.astimezone(UTC).time(), at.astimezone(self.zone).isoweekday()
        return any(window.covers(clock, weekday) for window in self.windows)


def _windows(rule: dict[str, Any]) -> list[Window]:
    hours = rule.get("hours_utc") or ()
    weekdays = frozenset(rule.get("weekdays") or range(1, 8))
    spans = [span.split("-") for span in ([hours] if isinstance(hours, str) else hours)]
    return [
        Window(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()), weekdays) for start, end in spans
    ]
