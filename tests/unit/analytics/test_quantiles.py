"""Percentiles: exact ones are what sorting by hand gives, those of histograms are near them, wherever events lie."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.unit.analytics.oracle import grouped
from tests.unit.analytics.test_cubes import CubedSource
from tests.unit.ledger.generate import START, FrameSource, events
from tokenbudget.analytics import histogram, percentiles, quantiles
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query

NOW = datetime(2026, 4, 20, 9, 41, tzinfo=UTC)
PERIOD = parse("2026-03-01..2026-04-30", NOW)
LEVELS = (0, 0.5, 0.95, 1)
GROUPS = [(), ("model",), ("status", "provider"), ("feature",)]
quick = settings(max_examples=40, deadline=None)


def of_histograms(*args, **how) -> pl.DataFrame:
    """Return percentiles as those of many calls are given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantiles, "EXACT_UP_TO", -1)
        return percentiles(*args, **how)


def by_hand(values: list[float], level: float) -> float | None:
    if not values:
        return None
    rank = (len(values) - 1) * level
    low, high = sorted(values)[math.floor(rank)], sorted(values)[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def known(made: list[Event], measure: str) -> list[float]:
    values = [getattr(event, measure) for event in made]
    return [float(value) for value in values if value is not None]


@quick
@given(made=st.lists(events(), max_size=40), by=st.sampled_from(GROUPS))
def test_exact_ones_are_what_sorting_by_hand_gives(made, by) -> None:
    rows = percentiles(FrameSource(made), Query(period=PERIOD, by=by), LEVELS).to_dicts()
    groups = grouped(made, by) if by else {(): made}
    assert len(rows) == 3 * len(groups)
    for row in rows:
        values = known(groups[tuple(row[name] for name in by)], row["measure"])
        assert (row["count"], row["exact"]) == (len(values), True)
        expected = [by_hand(values, level) for level in LEVELS]
        assert [row["p0"], row["p50"], row["p95"], row["p100"]] == [
            value and pytest.approx(value) for value in expected
        ]
        assert row["max"] == (pytest.approx(max(values)) if values else None)


@quick
@given(made=st.lists(events(), max_size=40), by=st.sampled_from(GROUPS))
def test_those_of_histograms_are_as_near_as_is_said(made, by) -> None:
    source, query = FrameSource(made), Query(period=PERIOD, by=by)
    exact, near = percentiles(source, query, LEVELS), of_histograms(source, query, LEVELS)
    assert near["exact"].to_list() == [False] * len(exact)
    same = [*by, "measure", "count", "max"]
    assert_frame_equal(exact.select(same), near.select(same), check_exact=True)
    levels = ["p0", "p50", "p95", "p100"]
    assert_frame_equal(exact.select(levels), near.select(levels), rel_tol=histogram.ERROR, abs_tol=0)


@quick
@given(
    made=st.lists(events(), max_size=30),
    without=st.lists(st.integers(0, 60).map(lambda n: START + timedelta(days=n)), max_size=5),
    by=st.sampled_from(GROUPS),
    filters=st.sampled_from([{}, {"status": ("ok",)}, {"feature": ("",), "model": ("gpt-4o", "other")}]),
)
def test_sealed_and_open_days_have_the_same_histograms(made, without, by, filters) -> None:
    query = Query(period=PERIOD, by=by, filters=filters)
    sealed, plain = of_histograms(CubedSource(made, without), query), of_histograms(FrameSource(made), query)
    assert_frame_equal(sealed, plain, check_exact=True)


@pytest.mark.parametrize("by", [(), ("model",)])
def test_histograms_of_whole_days_read_no_event(by) -> None:
    source = CubedSource([Event(id="1", occurred_at=START, provider="p", model="m", latency_ms=10.0)])
    assert of_histograms(source, Query(period=PERIOD, by=by))["count"].sum() == 1
    assert source.scans == []


def test_calls_past_the_first_million_come_from_histograms_unless_asked_otherwise(monkeypatch) -> None:
    made = [Event(id=str(n), occurred_at=START, provider="p", model="m", latency_ms=float(n)) for n in range(3)]
    source, query = FrameSource(made), Query(period=PERIOD)
    monkeypatch.setattr(quantiles, "EXACT_UP_TO", 3)
    assert percentiles(source, query)["exact"].all()
    monkeypatch.setattr(quantiles, "EXACT_UP_TO", 2)
    assert not percentiles(source, query)["exact"].any()
    assert percentiles(source, query, exact=True)["exact"].all()
    few = msgspec.structs.replace(query, filters={"model": ("other",)})
    assert percentiles(source, few)["exact"].all()


def test_one_measure_alone() -> None:
    source = FrameSource([Event(id="1", occurred_at=START, provider="p", model="m", latency_ms=10.0)])
    rows = percentiles(source, Query(period=PERIOD), measures=["latency_ms"])
    assert rows.select("measure", "p50").rows() == [("latency_ms", 10.0)]


def test_long_groups_are_sorted_like_short_ones(monkeypatch) -> None:
    made = [
        Event(id=str(n), occurred_at=START, provider="p", model="ab"[n % 3 > 0], latency_ms=float(n * 7 % 31))
        for n in range(31)
    ]
    source, query = FrameSource(made), Query(period=PERIOD, by=("model",))
    short = percentiles(source, query)
    monkeypatch.setattr(quantiles, "_LONG", 12)
    assert_frame_equal(percentiles(source, query), short, check_exact=True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"levels": [95]}, "fractions from 0 to 1"),
        ({"levels": [float("nan")]}, "fractions from 0 to 1"),
        ({"measures": ["cost"]}, "there are percentiles of cost_usd"),
        ({"levels": [0.5, 0.9, 0.5]}, "p50 is asked for twice"),
        ({"levels": [0.5, 0.5 + 1e-14]}, "p50 is asked for twice"),
        ({"measures": ["cost_usd", "cost_usd"]}, "cost_usd is asked for twice"),
    ],
)
def test_what_there_are_no_percentiles_of(asked, says) -> None:
    with pytest.raises(QueryError, match=says):
        percentiles(FrameSource([]), Query(period=PERIOD), **asked)


@pytest.mark.parametrize("tag", ["count", "max", "exact", "bin", "slot", "priced", "p50", "p99"])
def test_tags_named_like_columns_of_answers_are_told_apart(tag) -> None:
    made = [Event(id="1", occurred_at=START, provider="p", model="m", tags={tag: "x"})]
    with pytest.raises(QueryError, match=f"tag.{tag}"):
        percentiles(FrameSource(made), Query(period=PERIOD, by=(tag,)))
    assert of_histograms(FrameSource(made), Query(period=PERIOD, by=(f"tag.{tag}",)))[f"tag.{tag}"][0] == "x"


@quick
@given(value=st.floats(1e-3, 1e19))
def test_the_middle_of_a_bin_is_near_every_value_in_it(value) -> None:
    frame = pl.DataFrame({"value": [value, 0.0, -0.0, None]}).select(number=histogram.number(pl.col("value")))
    middles = frame.select(histogram.middle(pl.col("number"))).to_series().to_list()
    assert middles == [pytest.approx(value, rel=histogram.ERROR), 0.0, 0.0, None]
