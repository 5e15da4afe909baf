from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core.errors import PeriodError
from tokenbudget.core.period import Period, midnight, parse

NOW = datetime(2026, 10, 5, 12, 7, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]


def days(period: Period) -> tuple[str, str]:
    return period.start.astimezone(period.zone).isoformat(), period.end.astimezone(period.zone).isoformat()


@pytest.mark.parametrize(
    ("text", "tz", "start", "end"),
    [
        ("24h", "UTC", "2026-10-04T12:15:00+00:00", "2026-10-05T12:15:00+00:00"),
        ("7d", "UTC", "2026-09-29T00:00:00+00:00", "2026-10-06T00:00:00+00:00"),
        ("1w", "UTC", "2026-09-29T00:00:00+00:00", "2026-10-06T00:00:00+00:00"),
        ("1d", "Asia/Kolkata", "2026-10-05T00:00:00+05:30", "2026-10-06T00:00:00+05:30"),
        ("yesterday", "America/New_York", "2026-10-04T00:00:00-04:00", "2026-10-05T00:00:00-04:00"),
        ("mtd", "UTC", "2026-10-01T00:00:00+00:00", "2026-10-06T00:00:00+00:00"),
        ("qtd", "UTC", "2026-10-01T00:00:00+00:00", "2026-10-06T00:00:00+00:00"),
        ("YTD", "UTC", "2026-01-01T00:00:00+00:00", "2026-10-06T00:00:00+00:00"),
        ("2026", "UTC", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("2026-03", "Europe/Berlin", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
        ("2026-10-01..2026-10-15", "UTC", "2026-10-01T00:00:00+00:00", "2026-10-16T00:00:00+00:00"),
        # Clocks in Cairo jump from 00:00 to 01:00: that day starts at its first instant.
        ("2026-04-24", "Africa/Cairo", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"),
    ],
)
def test_spans(text: str, tz: str, start: str, end: str) -> None:
    assert days(parse(text, NOW, tz)) == (start, end)


def test_a_pair_of_dates_includes_the_second() -> None:
    assert parse((date(2026, 10, 1), date(2026, 10, 15)), NOW) == parse("2026-10-01..2026-10-15", NOW)


BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = "2026-10-01..2026-10-15"


@pytest.mark.parametrize(
    "pair",
    [
        ("2026-10-01", "2026-10-15"),
        ["2026-10-01", "2026-10-15"],
        (" 2026-10-01 ", date(2026, 10, 15)),
        (date(2026, 10, 1), "2026-10-15"),
        (np.datetime64("2026-10-01"), np.datetime64("2026-10-15")),
    ],
)
def test_a_pair_may_be_of_text(pair) -> None:
    assert parse(pair, NOW, "Europe/Berlin") == parse(OCTOBER, NOW, "Europe/Berlin")


def test_a_day_may_be_a_date() -> None:
    assert parse(date(2026, 10, 5), NOW) == parse("2026-10-05", NOW)


@pytest.mark.parametrize(
    ("pair", "name", "start", "end"),
    [
        (
            ("2026-10-01T06:00", "2026-10-02"),
            "2026-10-01T06:00:00..2026-10-02",
            "2026-10-01T06:00:00+02:00",
            "2026-10-03T00:00:00+02:00",
        ),
        (
            ("2026-10-01", "2026-10-02 06:30:15"),
            "2026-10-01..2026-10-02T06:30:15",
            "2026-10-01T00:00:00+02:00",
            "2026-10-02T06:30:15+02:00",
        ),
        (
            ("2026-10-01T06:00Z", datetime(2026, 10, 1, 9, tzinfo=BERLIN)),
            "2026-10-01T06:00:00Z..2026-10-01T07:00:00Z",
            "2026-10-01T08:00:00+02:00",
            "2026-10-01T09:00:00+02:00",
        ),
        (
            (datetime(2026, 10, 24), pd.Timestamp("2026-10-26")),  # noqa: DTZ001
            "2026-10-24T00:00:00..2026-10-26T00:00:00",
            "2026-10-24T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        ),
        (
            ("2026-10-01t06:00+05:30", date(2026, 10, 1)),
            "2026-10-01T00:30:00Z..2026-10-01",
            "2026-10-01T02:30:00+02:00",
            "2026-10-02T00:00:00+02:00",
        ),
    ],
)
def test_a_time_is_an_end_that_is_not_included(pair, name, start, end) -> None:
    period = parse(pair, NOW, "Europe/Berlin")
    assert period.name == name
    assert days(period) == (start, end)
    assert parse(name, NOW, "Europe/Berlin") == period  # As a server is asked.
    assert period.previous_end <= period.start
    assert period.start - period.previous_start == period.end - period.start


def test_the_span_before_a_running_pair_of_times_stops_where_it_is_now() -> None:
    period = parse(("2026-10-05T12:00Z", "2026-10-05T13:00Z"), NOW)
    assert (f"{period.previous_start:%H:%M}", f"{period.previous_end:%H:%M}") == ("11:00", "11:07")


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (("2026-10-01", "2026-13-01"), "'2026-13-01' is no date such as 2026-10-01"),
        (("yesterday", "today"), "'yesterday' is no date"),
        (("2026-10-01", "2026-10-02T25:00"), "is no date such as"),
        (("2026-10-02", "2026-10-01"), "ends before it starts"),
        (("2026-10-02T06:00", "2026-10-02T06:00"), "ends before it starts"),
        (("2026-10-01",), "got 1 ends"),
        (("2026-10-01", "2026-10-02", "2026-10-03"), "got 3 ends"),
        (("2026-10-01", None), "'none' is no date"),
        (("2026-10-01", pd.NaT), "'nat' is no date"),
        (None, "unknown period 'none'"),
        (7, "unknown period '7'"),
        ("0001-01-01..9999-12-31", "is not between 1970 and 2199"),
        ("9999-12-31", "is not between 1970 and 2199"),
        ("0001-01-01T00:00+14:00..2026-10-01", "is not between 1970 and 2199"),
    ],
)
def test_what_is_wrong_with_a_pair_is_said(pair, says) -> None:
    with pytest.raises(PeriodError, match="period") as raised:
        parse(pair, NOW)
    assert says in str(raised.value)


def test_a_day_when_clocks_change_has_23_or_25_hours() -> None:
    short, long = parse("2026-03-29", NOW, "Europe/Berlin"), parse("2026-10-25", NOW, "Europe/Berlin")
    assert [p.end - p.start for p in (short, long)] == [timedelta(hours=23), timedelta(hours=25)]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("7d", "2026-09-22T00:00:00+00:00", "2026-09-28T12:07:00+00:00"),
        ("mtd", "2026-09-01T00:00:00+00:00", "2026-09-05T12:07:00+00:00"),
        ("24h", "2026-10-03T12:15:00+00:00", "2026-10-04T12:07:00+00:00"),
        ("2026-08", "2026-07-01T00:00:00+00:00", "2026-08-01T00:00:00+00:00"),
    ],
)
def test_the_previous_span_stops_where_a_running_period_is_now(text: str, start: str, end: str) -> None:
    period = parse(text, NOW)
    assert (period.previous_start.isoformat(), period.previous_end.isoformat()) == (start, end)


def test_month_to_date_never_compares_with_more_than_the_previous_month() -> None:
    period = parse("mtd", datetime(2026, 3, 31, 18, tzinfo=UTC))
    assert (period.previous_start.isoformat(), period.previous_end.isoformat()) == (
        "2026-02-01T00:00:00+00:00",
        "2026-03-01T00:00:00+00:00",
    )


FAR_AWAY = ["1969", "2200", "9999-12-31", "0001-01-01", "1969-12-29..2026-01-01", "9" * 5_000]
NO_TEXTS = ["\u0662\u0660\u0662\u0666", "1\u0662h", "2026-01-01\0", "\ud800"]
NO_ZONES = ["Mars/Olympus", "", "GMT+99", "Factory", "europe/berlin", "UTC\0", "x" * 5_000, "\ud800", None, []]
FILES = ["../etc/passwd", "/etc/passwd", "Europe", "posix/UTC", "right/UTC", "localtime", "tzdata.zi"]


@pytest.mark.parametrize("text", [*FAR_AWAY, *NO_TEXTS])
def test_what_no_calendar_has_is_named(text: str) -> None:
    with pytest.raises(PeriodError, match="period"):
        parse(text, NOW)


def test_the_first_and_the_last_day_there_are() -> None:
    for tz in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert parse("1970-01-01..2199-12-31", NOW, tz).previous_start.year > 1677  # As far back as pandas goes.


@pytest.mark.parametrize(
    "text", ["", "30", "0d", "-3d", "99999d", "2026-13", "2026-02-30", "2026-10-15..2026-10-01", "last week", "2026-1"]
)
def test_what_is_not_a_period_is_named(text: str) -> None:
    with pytest.raises(PeriodError, match="period"):
        parse(text, NOW)


@pytest.mark.parametrize("tz", [*NO_ZONES, *FILES])
def test_an_unknown_zone_is_named(tz: str) -> None:
    with pytest.raises(PeriodError, match="time zone"):
        parse("30d", NOW, tz)


@given(
    now=st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    text=st.sampled_from(["1h", "24h", "1d", "7d", "30d", "today", "mtd", "qtd", "ytd"]),
    tz=st.sampled_from(ZONES),
)
def test_running_periods_hold_now_and_follow_their_predecessor(now: datetime, text: str, tz: str) -> None:
    period = parse(text, now, tz)
    assert period.start <= now < period.end
    assert period.previous_start <= period.previous_end <= period.start
    if not text.endswith("h"):
        assert {midnight(t.astimezone(ZoneInfo(tz)).date(), ZoneInfo(tz)) for t in (period.start, period.end)} == {
            period.start,
            period.end,
        }
