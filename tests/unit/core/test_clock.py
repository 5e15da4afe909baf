from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from tokenbudget.core.clock import utc_text, utc_time

SECOND = 10**9
instants = st.integers(0, 4_000_000_000 * SECOND)


@given(instants)
@example(0)
@example(59 * SECOND + 999_999_999)
@example(60 * SECOND)
def test_the_text_and_the_time_are_the_same_instant(unix_ns):
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_ns // 1000)
    assert utc_time(unix_ns) == expected
    assert msgspec.convert(utc_text(unix_ns), datetime, strict=False) == expected
