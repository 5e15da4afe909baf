from datetime import UTC, datetime

import pytest

from tokenbudget.analytics.buckets import edges
from tokenbudget.core.period import parse

NOW = datetime(2026, 11, 20, 9, 41, tzinfo=UTC)


def local(period, interval) -> list[str]:
    return [f"{edge.astimezone(period.zone):%m-%d %H:%M}" for edge in edges(period, interval)]


@pytest.mark.parametrize(
    ("text", "tz", "interval", "expected"),
    [
        ("2026-03-28..2026-03-30", "Europe/Berlin", "day", ["03-28 00:00", "03-29 00:00", "03-30 00:00"]),
        ("2026-04-24", "Africa/Cairo", "day", ["04-24 01:00"]),
        ("2026-10-14..2026-10-20", "Asia/Kolkata", "week", ["10-12 00:00", "10-19 00:00"]),
        ("2026-10-14..2026-11-02", "Asia/Kathmandu", "month", ["10-01 00:00", "11-01 00:00"]),
        ("3h", "Asia/Kolkata", "hour", ["11-20 12:00", "11-20 13:00", "11-20 14:00", "11-20 15:00"]),
    ],
)
def test_buckets_begin_where_the_clocks_of_the_zone_say(text, tz, interval, expected) -> None:
    assert local(parse(text, NOW, tz), interval) == expected


@pytest.mark.parametrize(
    ("text", "tz", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-11-01", "America/New_York", 25),
        # Half an hour is repeated: 01:00–02:00, and 01:30–02:00 once more.
        ("2026-04-05", "Australia/Lord_Howe", 25),
    ],
)
def test_days_on_which_clocks_are_set(text, tz, hours) -> None:
    period = parse(text, NOW, tz)
    starts = edges(period, "hour")
    assert len(starts) == hours
    assert len(set(starts)) == hours
    assert starts[0] == period.start
