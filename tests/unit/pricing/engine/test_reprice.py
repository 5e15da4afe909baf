"""Pricing frames again tells what is billed from what a plan covers, as pricing an event does."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.usage import Usage
from tokenbudget.ledger.sealed import from_sealed, to_sealed
from tokenbudget.pricing import default
from tokenbudget.pricing.engine.reprice import repriced

PRICER = default()
AT = datetime(2026, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("billing", ["api", "unknown", "subscription"])
@pytest.mark.parametrize("model", ["gpt-4o-mini", "no-such-model"])
def test_a_frame_is_priced_as_its_events_are(billing, model):
    usage = Usage(input_tokens=1000, output_tokens=200)
    event = Event(id="a", occurred_at=AT, provider="openai", model=model, usage=usage, billing=billing)
    again = repriced(to_sealed([event]), PRICER)
    expected = PRICER.priced(event)
    assert from_sealed(again)[0] == expected
    assert again["is_changed"].to_list() == [True]
    assert repriced(to_sealed([expected]), PRICER)["is_changed"].to_list() == [False]


def test_the_list_cost_of_prepaid_tokens_stays_as_it_was_recorded():
    usage = Usage(input_tokens=1000, output_tokens=200)
    event = Event(
        id="a", occurred_at=AT, provider="openai", model="gpt-4o-mini", usage=usage, service_tier="scale",
        cost_usd=Decimal(0), list_cost_usd=Decimal("0.5"), price_key="gpt-4o-mini",
    )  # fmt: skip
    assert repriced(to_sealed([event]), PRICER)["list_cost_pico"].to_list() == [500_000_000_000]


def test_a_frame_of_an_earlier_version_is_billed_by_the_token():
    event = Event(
        id="a",
        occurred_at=AT,
        provider="openai",
        model="gpt-4o-mini",
        usage=Usage(input_tokens=1000, output_tokens=200),
    )
    earlier = to_sealed([event]).drop("billing", "list_cost_pico")
    assert repriced(earlier, PRICER).select("cost_pico", "list_cost_pico").row(0) == (270_000_000, None)
