from datetime import UTC, datetime, timedelta

import pytest

from tokenbudget.plotting.matplotlib_costs import _tick


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
