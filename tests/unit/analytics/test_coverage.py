"""What costs do not include, why, and what to do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.ledger.generate import FrameSource
from tokenbudget.analytics.coverage import DTYPES, coverage
from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer, PriceRow

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
QUERY = Query(period=parse("30d", NOW))
USAGE = Usage(input_tokens=1000, output_tokens=10)
PRICES = {"input_cost_per_token": Decimal("1e-6"), "output_cost_per_token": Decimal(0)}
PRICER = Pricer(PriceBook([PriceRow.make("known-model", PRICES, provider="openai")]))


def event(model="x", reason=None, *, hours=1, **fields):
    known = {"usage": USAGE, "unpriced": reason, "provider": "openai"}
    return Event(id=uuid7(), occurred_at=NOW - timedelta(hours=hours), model=model, **(known | fields))


def ask(*events, query=QUERY, pricer=PRICER):
    return coverage(FrameSource(events), query, pricer)


def test_calls_are_counted_by_model_and_reason():
    priced = event("known-model", cost_usd=Decimal(1))
    found = ask(
        priced,
        event("b", "no_usage", usage=Usage()),
        event("a", "unknown_model"),
        event("a", "unknown_model", hours=3, usage=Usage()),
        event("a", "unknown_model", hours=2),
        event("a", "no_usage", usage=Usage()),
        event("old", "unknown_model", hours=5000),
        event("failed", "no_usage", usage=Usage(), status="error"),
        event("zero", cost_usd=Decimal(0)),
    )
    assert found.drop("advice").rows() == [
        ("openai", "a", "unknown_model", 3, 2000, 20, 0.375, NOW - timedelta(hours=1)),
        ("openai", "a", "no_usage", 1, None, None, 0.125, NOW - timedelta(hours=1)),
        ("openai", "b", "no_usage", 1, None, None, 0.125, NOW - timedelta(hours=1)),
    ]


def test_what_transcripts_do_not_tell_is_named_after_all_that_has_no_price():
    told = {"source": "import", "provider": "anthropic", "tags": {"agent": "claude-code"}}
    found = ask(
        event("a", cost_usd=Decimal(1), **told),
        event("b", cost_usd=Decimal(1), hours=2, **told),
        event("c", "unknown_model"),
        event("d", cost_usd=Decimal(1)),
    )
    assert found["reason"].to_list() == ["unknown_model", "not_in_transcripts"]
    (row,) = found.rows()[1:]
    assert row[:-1] == ("anthropic", None, "not_in_transcripts", 2, 2000, 20, 0.5, NOW - timedelta(hours=1))
    assert "claude-code" in row[-1]
    assert "web searches" in row[-1]


def test_no_rows_mean_that_all_is_priced():
    for events in ((), (event(cost_usd=Decimal(1)),)):
        found = ask(*events)
        assert found.is_empty()
        assert dict(found.schema) == DTYPES


@pytest.mark.parametrize(
    ("unpriced", "says"),
    [
        (event("known-modle", "unknown_model"), "listed are known-model"),
        (event("known-model", "unknown_model"), "there is a price now (known-model): tb.reprice"),
        (event("deployment", "unknown_model", requested_model="known-model"), "there is a price now"),
        (event("a", "no_usage", usage=Usage()), "stream_options={'include_usage': True}"),
        (event("a", "no_unit_price"), "no rate is known for something: set it with"),
        (
            event("a", "no_unit_price: output tokens, ocr"),
            "rates={'output_cost_per_token': ..., 'ocr_cost_per_call': ...})",
        ),
        (event("a", "error"), "tb.explain"),
        (event("a"), "recorded without a price"),
        (event("a", "a reason of the future"), "recorded without a price"),
    ],
)
def test_each_says_what_to_do(unpriced, says):
    (advice,) = ask(unpriced)["advice"]
    assert says in advice


def test_filters_hold():
    query = Query(period=QUERY.period, filters={"feature": ("chat",)})
    found = ask(event("a", tags={"feature": "chat"}), event("b"), event("c", tags={"feature": "x"}), query=query)
    assert found.select("model", "share").rows() == [("a", 1.0)]
