"""The cases that Python, Panel and React all pass."""

import decimal
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core import date_formatting, formatting

CASES = json.loads((Path(__file__).parents[2] / "cases" / "format.json").read_text("utf-8"))

amounts = st.decimals(Decimal("0.000000000001"), Decimal(9_000_000), places=12)


def amount(text):
    return None if text is None else Decimal(text)


def number(value):
    return Decimal(value) if isinstance(value, str) else value


def rate(value):
    return None if value is None else float(value)


def local(instant, zone):
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))


RULES = {
    "money": lambda text: formatting.dollars(amount(text)),
    "money_short": lambda text: formatting.short_dollars(amount(text)),
    "money_exact": lambda text: formatting.exact_dollars(amount(text)),
    "money_axis": formatting.axis_dollars,
    "number": lambda value: formatting.number(number(value)),
    "number_short": lambda value: formatting.short_number(number(value)),
    "plural": formatting.plural,
    "percent": lambda value: formatting.percent(rate(value)),
    "change": lambda now, before: formatting.change(number(now), number(before)),
    "duration": lambda value: formatting.duration(rate(value)),
    "spoken": formatting.spoken,
    "clock": lambda *when: date_formatting.clock(local(*when)),
    "day": lambda *when: date_formatting.day(local(*when)),
    "day_short": lambda *when: date_formatting.short_day(local(*when)),
    "bucket": lambda start, interval, zone: date_formatting.bucket(local(start, zone), interval),
    "bucket_short": lambda start, interval, zone: date_formatting.short_bucket(local(start, zone), interval),
    "period": date_formatting.period,
}


def test_every_rule_of_the_table_is_tested():
    assert set(RULES) == set(CASES)


@pytest.mark.parametrize(
    ("rule", "case"), [pytest.param(name, case, id=f"{name} {case}") for name in CASES for case in CASES[name]["cases"]]
)
def test_a_case(rule, case):
    *given_values, expected = case
    assert RULES[rule](*given_values) == expected


@given(amounts)
def test_exact_money_loses_nothing(given_amount):
    written = formatting.exact_dollars(given_amount)
    assert Decimal(written.removeprefix("$").replace(",", "")) == given_amount


@given(amounts)
def test_money_is_near_and_never_nothing(given_amount):
    written = Decimal(formatting.dollars(given_amount).removeprefix("$").replace(",", ""))
    assert abs(written - given_amount) <= Decimal("0.005") * max(1, given_amount)
    assert written


@given(st.integers(0, 10**14))
def test_a_short_number_is_short_and_near(count):
    written = formatting.short_number(count)
    size = {"k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}.get(written[-1], 1)
    assert len(written) <= 5
    assert float(written.rstrip("kMBT").replace(",", "")) * size == pytest.approx(count, rel=0.005)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_what_is_something_but_not_all_is_written_so(share):
    assert formatting.percent(share) not in {"0 %", "0.0 %", "100 %", "100.0 %"}


def test_the_decimal_context_of_the_program_changes_nothing():
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_DOWN):
        for rule, table in CASES.items():
            for *values, expected in table["cases"]:
                assert RULES[rule](*values) == expected
