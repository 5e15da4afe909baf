"""Recorded events of this machine priced again: exact, with their first price kept."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from tests.unit.ledger.generate import FrameSource
from tokenbudget import analytics
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget.journal import Journal, read_snapshot
from tokenbudget.ledger.local import LocalSource
from tokenbudget.ledger.repricing import apply, preview
from tokenbudget.ledger.sealed import PRICING, to_sealed
from tokenbudget.pricing import PriceBook, Pricer, PriceRow, default

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
PERIOD = parse("30d", NOW)
SPAN = PERIOD.start, PERIOD.end


def pricer(**prices):
    def row(key, price):
        fields = {"input_cost_per_token": Decimal(price), "output_cost_per_token": Decimal(0)}
        return PriceRow.make(key, fields, provider="openai")

    return Pricer(PriceBook(row(key, price) for key, price in prices.items()))


def event(number=0, **fields):
    known = {"provider": "openai", "model": "mini", "usage": Usage(input_tokens=1000, output_tokens=10)}
    return Event(id=uuid7(), occurred_at=NOW - timedelta(hours=number), **(known | fields))


def record(home, *events, close=True):
    journal = Journal(home, sends=lambda: False)
    for one in events:
        journal.append(encode(one))
    if close:
        journal.close()
    return journal


def costs(home):
    frame = LocalSource(home).scan(*SPAN).sort("occurred_at", descending=True).collect()
    return frame.select("model", "cost_pico", "unpriced").rows()


def sealed(home):
    return pl.concat([pl.read_parquet(part.path(home)) for part in read_snapshot(home).parts])


def run(what, home, prices):
    changed = []
    left = what(home, *SPAN, prices, lambda frame: changed.append(frame["is_changed"].sum()))
    return sum(changed), left


def test_looking_changes_nothing_and_applying_changes_what_was_looked_at(tmp_path):
    record(tmp_path, pricer(mini="1e-6").priced(event()), pricer().priced(event(1, model="maxi")), event(5000))
    before = costs(tmp_path)
    new = pricer(mini="2e-6", maxi="3e-6")
    assert run(preview, tmp_path, new) == (2, None)
    assert costs(tmp_path) == before == [("mini", 10**9, None), ("maxi", None, "unknown_model")]
    assert run(apply, tmp_path, new) == (2, 0)
    assert costs(tmp_path) == [("mini", 2 * 10**9, None), ("maxi", 3 * 10**9, None)]
    assert run(preview, tmp_path, new) == (0, None)
    assert run(apply, tmp_path, new) == (0, 0)
    assert sealed(tmp_path).height == 3, "events outside the period are still there"


def test_the_first_price_stays(tmp_path):
    record(tmp_path, pricer(mini="1e-6").priced(event()), pricer().priced(event(1, model="maxi")), event(2, model="x"))
    for mini, maxi in (("2e-6", "4e-6"), ("3e-6", "5e-6")):
        run(apply, tmp_path, pricer(mini=mini, maxi=maxi))
        rows = sealed(tmp_path).sort("model").select("model", "original_cost_pico", pl.col("repriced_at").is_null())
        assert rows.rows() == [("maxi", None, False), ("mini", 10**9, False), ("x", None, False)]
    # The event of model x was recorded without a reason; now it has one.
    assert costs(tmp_path)[2] == ("x", None, "unknown_model")


def test_all_that_a_price_depends_on_is_sealed(tmp_path):
    events = [
        event(0, model="gpt-4o", batch=True),
        event(1, model="gpt-5", service_tier="flex"),
        event(2, provider="azure", model="gpt-4o", region="eu"),
        event(3, provider="anthropic", model="claude-opus-4-6", speed="fast"),
        event(4, provider="anthropic", model="claude-sonnet-4-5", usage=Usage(
            input_tokens=500, output_tokens=5, tools={"web_search": 2})),
        event(5, usage=Usage(input_tokens=1, output_tokens=1, reported_cost_usd=Decimal("0.5"))),
        event(6, model="whisper-1", usage=Usage(units={"seconds": Decimal("12.5")})),
    ]  # fmt: skip
    record(tmp_path, *(default().priced(one) for one in events))
    before = costs(tmp_path)
    assert sum(cost is not None for _, cost, _ in before) >= 6
    assert run(apply, tmp_path, default()) == (0, 0)
    assert costs(tmp_path) == before


def test_what_was_sealed_without_that_is_left_alone(tmp_path):
    from tokenbudget.journal import compact
    from tokenbudget.ledger.schema import to_frame

    record(tmp_path, pricer(mini="1e-6").priced(event()))
    compact(tmp_path, to_frame, min_bytes=0, min_segments=0)
    assert run(apply, tmp_path, pricer(mini="2e-6")) == (0, 0)
    record(tmp_path, pricer(mini="1e-6").priced(event(1)))
    assert run(apply, tmp_path, pricer(mini="2e-6")) == (1, 0), "merged into one part with the other"
    assert [cost for _, cost, _ in costs(tmp_path)] == [10**9, 2 * 10**9]


def test_a_price_stated_for_a_model_that_no_table_knows_stays(tmp_path):
    record(tmp_path, event(model="ours", cost_usd=Decimal("0.25"), price_key="ours"))
    assert run(apply, tmp_path, pricer(mini="1e-6")) == (0, 0)
    assert costs(tmp_path) == [("ours", 25 * 10**10, None)]


def test_calls_of_running_programs_are_counted_and_priced_when_they_end(tmp_path):
    running = record(tmp_path, pricer(mini="1e-6").priced(event()), close=False)
    record(tmp_path, pricer(mini="1e-6").priced(event(1)))
    assert run(apply, tmp_path, pricer(mini="2e-6")) == (1, 1)
    assert [cost for _, cost, _ in costs(tmp_path)] == [10**9, 2 * 10**9]
    running.close()
    assert run(apply, tmp_path, pricer(mini="2e-6")) == (1, 0)
    assert [cost for _, cost, _ in costs(tmp_path)] == [2 * 10**9, 2 * 10**9]


def test_an_event_that_was_recorded_twice_is_priced_once(tmp_path):
    twice = pricer(mini="1e-6").priced(event())
    record(tmp_path, twice, twice)
    assert run(apply, tmp_path, pricer(mini="2e-6")) == (1, 0)
    assert costs(tmp_path) == [("mini", 2 * 10**9, None)]


def test_answers_do_not_show_what_is_kept_for_pricing(tmp_path):
    record(tmp_path, event(tags={"a": "b"}))
    run(apply, tmp_path, pricer(mini="1e-6"))
    query = Query(period=PERIOD)
    listed = analytics.events(LocalSource(tmp_path), query)
    assert PRICING.keys().isdisjoint(listed.columns)
    assert listed.columns == analytics.events(FrameSource([event(tags={"a": "b"})]), query).columns


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_sealed_frame_has_the_same_columns_however_many_events(count):
    assert to_sealed([event()] * count).select(*PRICING).schema == PRICING
