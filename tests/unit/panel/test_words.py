from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget_panel import words

amounts = st.decimals(Decimal("0.000000000001"), Decimal(9_000_000), places=12)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (None, "unknown"),
        (Decimal(0), "$0.00"),
        (Decimal("0E-12"), "$0.00"),
        (Decimal("0.000000000001"), "$0.000000000001"),
        (Decimal("0.000000270000"), "$0.00000027"),
        (Decimal("12.300000000000"), "$12.30"),
        (Decimal(1000), "$1,000.00"),
        (Decimal("1E+3"), "$1,000.00"),
        (Decimal("-0.5"), "−$0.50"),
    ],
)
def test_exact_dollars(amount, written):
    assert words.exact_dollars(amount) == written


@given(amounts)
def test_exact_dollars_lose_nothing(amount):
    assert Decimal(words.exact_dollars(amount).removeprefix("$").replace(",", "")) == amount


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (None, "unknown"),
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_049, "1.05k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_234_567, "1.23M"),
        (250_000_000, "250M"),
        (7_000_000_000_000, "7T"),
    ],
)
def test_short_count(number, written):
    assert words.short_count(number) == written


@given(st.integers(0, 10**15 - 1))
def test_a_short_count_is_short_and_near(number):
    written = words.short_count(number)
    size = {"k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}.get(written[-1], 1)
    assert len(written) <= 5
    assert float(written.rstrip("kMBT")) * size == pytest.approx(number, rel=0.005)


@pytest.mark.parametrize(
    ("rate", "written"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.000001, "<0.1 %"),
        (0.00051, "0.1 %"),
        (0.0123, "1.2 %"),
        (0.99951, ">99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_percent(rate, written):
    assert words.percent(rate) == written


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_what_is_something_but_not_all_is_written_so(rate):
    assert words.percent(rate) not in {"0 %", "0.0 %", "100 %", "100.0 %"}


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (None, "–"),
        (0.4, "0.4 ms"),
        (87.4, "87 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (1_234.0, "1.23 s"),
        (75_000.0, "1.2 min"),
    ],
)
def test_duration(milliseconds, written):
    assert words.duration(milliseconds) == written
