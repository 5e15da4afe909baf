from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analytics import oracle
from tests.unit.ledger.generate import START, FrameSource, events
from tokenbudget import analytics
from tokenbudget.analytics import METRICS
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event
from tokenbudget.core.period import parse
from tokenbudget.core.query import INTERVALS, Query
from tokenbudget.ledger.schema import COST

NOW = datetime(2026, 4, 20, 9, 41, tzinfo=UTC)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
]
PERIODS = ["24h", "7d", "30d", "mtd", "qtd", "ytd", "2026-03", "2026-03-29", "2026-03-08..2026-04-26"]
NAMES = [metric.name for metric in METRICS]

quick = settings(max_examples=25, deadline=None)
some_events = st.lists(events(), max_size=60)
spans = st.builds(lambda text, tz: parse(text, NOW, tz), st.sampled_from(PERIODS), st.sampled_from(ZONES))


def during(made: list[Event], start: datetime, end: datetime) -> list[Event]:
    return [event for event in made if start <= event.occurred_at < end]


def numbers(row: dict) -> dict:
    return {name: row[name] for name in NAMES}


@quick
@given(made=some_events, period=spans)
def test_summary_is_what_adding_up_by_hand_gives(made, period) -> None:
    answer = analytics.summary(FrameSource(made), Query(period=period))
    assert answer["span"].to_list() == ["current", "previous"]
    current, previous = answer.to_dicts()
    assert numbers(current) == oracle.metrics(during(made, period.start, period.end))
    assert numbers(previous) == oracle.metrics(during(made, period.previous_start, period.previous_end))


@quick
@given(
    made=some_events,
    period=spans,
    by=st.sampled_from([("model",), ("feature",), ("status", "tag.user_id"), ("nobody",)]),
)
def test_by_is_what_adding_up_by_hand_gives(made, period, by) -> None:
    rows = analytics.by(FrameSource(made), Query(period=period, by=by)).to_dicts()
    expected = oracle.grouped(during(made, period.start, period.end), by)
    assert {tuple(row[name] for name in by): numbers(row) for row in rows} == {
        key: oracle.metrics(group) for key, group in expected.items()
    }
    total = sum(row["cost_usd"] for row in rows if row["cost_usd"] is not None)
    for row in rows:
        known = row["cost_usd"] is not None and total > 0
        assert row["share"] == (pytest.approx(float(row["cost_usd"] / total)) if known else None)


@quick
@given(made=some_events, period=spans, limit=st.integers(1, 3))
def test_limited_groups_add_up_to_the_whole(made, period, limit) -> None:
    source, by = FrameSource(made), ("user_id",)
    full = analytics.by(source, Query(period=period, by=by))
    limited = analytics.by(source, Query(period=period, by=by, limit=limit))
    whole = oracle.metrics(during(made, period.start, period.end))
    for name in ("requests", "cost_usd", "total_tokens", "unpriced", "errors"):
        assert (limited[name].sum() or 0) == (whole[name] or 0)
    assert len(limited) == min(len(full), limit + 1)
    if len(full) > limit:
        assert limited.row(-1)[0] == "other"
        assert limited[:limit].drop("share").equals(full[:limit].drop("share"))


@quick
@given(
    made=some_events,
    period=st.builds(parse, st.sampled_from(PERIODS[1:]), st.just(NOW), st.sampled_from(ZONES)),
    interval=st.sampled_from(INTERVALS),
    by=st.sampled_from([(), ("model",)]),
)
def test_timeseries_buckets_by_the_clocks_on_the_wall(made, period, interval, by) -> None:
    rows = analytics.timeseries(FrameSource(made), Query(period=period, interval=interval, by=by)).to_dicts()
    zone = ZoneInfo(period.tz)
    expected: dict = {}
    for key, group in oracle.grouped(during(made, period.start, period.end), by).items():
        for event in group:
            expected.setdefault((oracle.bucket(event.occurred_at, interval, zone), *key), []).append(event)
    filled = {(row["bucket"], *(row[name] for name in by)): numbers(row) for row in rows}
    assert len(filled) == len(rows)
    assert {key: row for key, row in filled.items() if row["requests"]} == {
        key: oracle.metrics(group) for key, group in expected.items()
    }
    assert all(row == oracle.metrics([]) for row in filled.values() if not row["requests"])


@quick
@given(
    made=some_events,
    wanted=st.sets(st.sampled_from(["gpt-4o", "gpt-4o-mini", "absent"]), min_size=1),
    untagged=st.booleans(),
)
def test_every_filter_must_hold(made, wanted, untagged) -> None:
    period = parse("2026-03-01..2026-04-30", NOW)
    filters = {"model": tuple(wanted), **({"feature": ("",)} if untagged else {})}
    answer = analytics.summary(FrameSource(made), Query(period=period, filters=filters))
    kept = [e for e in made if e.model in wanted and not (untagged and "feature" in e.tags)]
    assert numbers(answer.row(0, named=True)) == oracle.metrics(kept)


@quick
@given(made=some_events, limit=st.integers(1, 20))
def test_events_come_newest_first(made, limit) -> None:
    period = parse("2026-03-01..2026-04-30", NOW)
    rows = analytics.events(FrameSource(made), Query(period=period, limit=limit))
    newest = sorted(made, key=lambda e: (e.occurred_at, e.id), reverse=True)[:limit]
    assert rows["id"].to_list() == [e.id for e in newest]
    assert rows["cost_usd"].to_list() == [e.cost_usd for e in newest]
    assert rows["occurred_at"].to_list() == [e.occurred_at for e in newest]


def test_sums_past_64_bits_stay_exact() -> None:
    dear = Decimal("9000000.000000000001")
    made = [Event(id=str(i), occurred_at=START, provider="openai", model="gpt-4o", cost_usd=dear) for i in range(4)]
    period = parse("2026-03-01", NOW)
    answer = analytics.summary(FrameSource(made), Query(period=period))
    assert answer["cost_usd"][0] == Decimal("36000000.000000000004")
    assert answer["avg_cost_usd"][0] == dear
    assert answer.schema["cost_usd"] == COST


def test_a_group_that_is_really_called_other_joins_the_rest() -> None:
    made = [
        Event(id=name, occurred_at=START, provider="openai", model=name, cost_usd=Decimal(cost))
        for name, cost in (("other", 5), ("a", 3), ("b", 2), ("c", 1))
    ]
    period = parse("2026-03-01", NOW)
    rows = analytics.by(FrameSource(made), Query(period=period, by=("model",), limit=2))
    assert rows["model"].to_list() == ["a", "b", "other"]
    assert rows["cost_usd"].cast(pl.Int64).to_list() == [3, 2, 6]


def test_reasons_do_not_hide_their_count() -> None:
    made = [Event(id="1", occurred_at=START, provider="p", model="m", unpriced="unknown_model")]
    answer = analytics.by(FrameSource(made), Query(period=parse("2026-03-01", NOW), by=("unpriced",)))
    assert answer.select("unpriced_reason", "unpriced").rows() == [("unknown_model", 1)]


@pytest.mark.parametrize(
    "by", [("unpriced_reason",), (), ("model", "feature", "user_id"), ("model", "model"), ("requests",), ("bucket",)]
)
def test_what_cannot_be_grouped_by(by) -> None:
    with pytest.raises(QueryError):
        analytics.by(FrameSource([]), Query(period=parse("7d", NOW), by=by))


def test_too_many_buckets_or_rows_are_refused() -> None:
    long = parse("3000d", NOW)
    with pytest.raises(QueryError, match="longer interval"):
        analytics.timeseries(FrameSource([]), Query(period=long, interval="15min"))
    many = [Event(id=str(i), occurred_at=START, provider="p", model=f"m{i}") for i in range(600)]
    with pytest.raises(QueryError, match="set a limit"):
        analytics.timeseries(FrameSource(many), Query(period=parse("60d", NOW), interval="15min", by=("model",)))
