"""Limits of questions: told before the work where that is known, and again of the answer."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.ledger.generate import START
from tokenbudget import analytics
from tokenbudget.analytics import coverage
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget.ledger import schema
from tokenbudget.ledger.schema import to_frame
from tokenbudget.pricing import default

MARCH = parse("2026-03", datetime(2026, 4, 20, tzinfo=UTC))
CALLS = 30


class FewReads:
    """A source that tells how many calls there are, and which columns of them were read."""

    def __init__(self, calls=CALLS):
        self.read = []
        made = [
            Event(
                id=str(number),
                occurred_at=START + timedelta(minutes=number),
                provider="p",
                model=f"m{number % 3}",
                usage=Usage(input_tokens=1, output_tokens=1),
                tags={"user": str(number)},
                unpriced="unknown_model",
            )
            for number in range(calls)
        ]
        self._frame = to_frame(made).lazy()

    def calls(self, start, end):
        return CALLS

    def scan(self, start, end, columns=None):
        self.read.append(columns)
        return schema.select(schema.within(self._frame, start, end), columns)


def ask(question, limits, **how):
    source = FewReads()
    query = Query(period=MARCH, **how)
    if question == "percentiles":
        return source, lambda: analytics.percentiles(source, query, limits=limits)
    return source, lambda: getattr(analytics, question)(source, query, limits)


@pytest.mark.parametrize(
    ("question", "limits", "how", "said"),
    [
        ("by", Limits(groups=10), {"by": ("user",), "limit": 2}, r"about \d\d groups, and 10 are the most"),
        (
            "by",
            Limits(cells=100),
            {"by": ("user",)},
            r"\d\d rows × 19 columns, and 100 values are the most: add limit=",
        ),
        ("by", Limits(cells=100), {"by": ("user",), "limit": 9}, "10 rows × 19 columns"),
        ("timeseries", Limits(cells=500), {"interval": "day"}, "31 rows × 18 columns.*longer interval"),
        ("timeseries", Limits(cells=1000), {"by": ("model",), "interval": "day"}, "93 rows × 19 columns"),
        ("timeseries", Limits(groups=20), {"by": ("user",), "limit": 2, "interval": "day"}, r"about \d\d groups"),
        ("percentiles", Limits(cells=100), {"by": ("user",)}, r"\d\d rows × 9 columns.*fewer levels or measures"),
        ("percentiles", Limits(groups=20), {"by": ("user",)}, r"about \d\d groups"),
        ("percentiles", Limits(levels=3), {}, "4 levels are too many, 3 are the most"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_with_the_limit_and_a_way_out(question, limits, how, said):
    source, asked = ask(question, limits, **how)
    with pytest.raises(QueryError, match=said):
        asked()
    assert not any("cost_pico" in columns for columns in source.read[:-1])


@pytest.mark.parametrize("question", ["by", "timeseries", "percentiles"])
def test_without_limits_and_within_them_the_answer_is_the_same(question):
    wide = Limits(cells=10_000, groups=200, levels=4, exact_calls=100)
    answers = [ask(question, limits, by=("user",), interval="week")[1]() for limits in (NONE, wide)]
    assert answers[0].equals(answers[1])


def test_where_there_are_no_more_calls_than_groups_may_be_none_are_counted():
    source, asked = ask("by", Limits(groups=CALLS, cells=10_000), by=("user",))
    asked()
    assert len(source.read) == 1


def test_exact_percentiles_of_too_many_calls_are_refused():
    source = FewReads()
    query = Query(period=MARCH)
    with pytest.raises(QueryError, match=r"of 30 calls are too much .*, 29 are the most: .*shorter period"):
        analytics.percentiles(source, query, exact=True, limits=Limits(exact_calls=29))
    assert analytics.percentiles(source, query, exact=True, limits=Limits(exact_calls=30))["exact"].all()


def test_filters_name_so_many_values_at_most():
    query = Query(period=MARCH, filters={"model": ("a", "b"), "user": ("c",)})
    Limits(values=3).check_query(query)
    with pytest.raises(QueryError, match="3 values, and 2 are the most"):
        Limits(values=2).check_query(query)


def test_coverage_refuses_too_many_rows_and_looks_for_names_of_the_largest_alone(monkeypatch):
    source, query = FewReads(), Query(period=MARCH)
    with pytest.raises(QueryError, match="3 rows × 9 columns"):
        coverage.coverage(source, query, default(), Limits(cells=26))
    monkeypatch.setattr(coverage, "LOOKED_UP", 1)
    advice = coverage.coverage(source, query, default())["advice"]
    assert advice.str.contains("no price for").to_list() == [True, False, False]
    assert advice.str.contains("ask about this model alone").to_list() == [False, True, True]
