from datetime import UTC, datetime, timedelta

import pytest

from tokenbudget.plotting.matplotlib_costs import _digits, _tick


@pytest.mark.parametrize(("step", "digits"), [(20, 0), (0.5, 2), (0.25, 2), (0.002, 3), (2e-7, 7), (2.5e-7, 8)])
def test_ticks_have_as_many_decimals_as_tell_them_apart(step, digits) -> None:
    assert _digits(step) == digits


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (timedelta(hours=8), ["16:00\n30 Dec", "00:00\n31 Dec", "08:00", "16:00", "00:00\n1 Jan"]),
        (timedelta(days=1), ["30 Dec\n2025", "31 Dec", "1 Jan\n2026", "2 Jan", "3 Jan"]),
        (timedelta(days=31), ["Dec\n2025", "Jan\n2026", "Mar", "Apr", "May"]),
    ],
)
def test_a_date_is_written_where_it_is_new(step, expected) -> None:
    buckets = [datetime(2025, 12, 30, 16, tzinfo=UTC) + n * step for n in range(5)]
    assert [_tick(buckets, position, 1) for position in range(5)] == expected
