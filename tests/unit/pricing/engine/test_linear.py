"""Linear rates give what the lines of a receipt add up to, or nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pricing.test_invariants import check_frame, frame_of, tidy_events
from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget.core.usage import TOKEN_FIELDS, Usage, check
from tokenbudget.pricing.engine.frame_pricing import usage_of
from tokenbudget.pricing.engine.rate_card import RateCard
from tokenbudget.pricing.engine.receipt_lines import NoRateError, token_lines, total
from tokenbudget.pricing.engine.token_classes import BILLED_FIELDS

RATES = {
    "input_cost_per_token": "3e-6",
    "output_cost_per_token": "15e-6",
    "cache_read_input_token_cost": "3e-7",
    "cache_read_input_audio_token_cost": "4e-7",
    "cache_creation_input_token_cost": "375e-8",
    "cache_creation_input_token_cost_above_1hr": "6e-6",
    "cache_creation_input_audio_token_cost": "8e-6",
    "input_cost_per_audio_token": "1e-5",
    "input_cost_per_image_token": "2e-6",
    "output_cost_per_reasoning_token": "9e-6",
    "output_cost_per_image_token": "4e-5",
}
FINE = Decimal("1.5e-12")


def card_of(rates):
    return RateCard("m", {name: Decimal(rate) for name, rate in rates.items()}, own=("input_cost_per_token",))


def lines_cost(plan, usage):
    try:
        return to_pico(total(token_lines(plan, usage)))
    except NoRateError:
        return None


counts = st.sampled_from([0, 0, 0, 1, 3, 40])
usages = st.builds(
    lambda whole, parts: check(Usage(**{**parts, "input_tokens": whole[0], "output_tokens": whole[1]}))[0],
    st.tuples(st.sampled_from([0, 10, 100, 500]), st.sampled_from([0, 10, 100, 500])),
    st.fixed_dictionaries(dict.fromkeys(TOKEN_FIELDS[2:], counts)),
)
rates = st.fixed_dictionaries({}, optional={name: st.sampled_from([rate, rate, FINE]) for name, rate in RATES.items()})


@given(rates, usages)
@settings(max_examples=1000)
def test_any_plan_costs_what_its_lines_say_or_takes_a_receipt(rates, usage):
    plan = card_of(rates).plan("", 0, off_peak=False)
    cost = plan.linear.cost(usage)
    assert cost is None or cost == lines_cost(plan, usage)


def test_every_class_of_tokens_has_a_rate():
    plan = card_of(RATES).plan("", 0, off_peak=False)
    assert plan.linear.rates.keys() == set(TOKEN_FIELDS)
    assert {name for name, rate in plan.linear.rates.items() if rate} <= BILLED_FIELDS
    assert not plan.linear.unrated


PLAIN = {"input_tokens": 100, "output_tokens": 20}


@pytest.mark.parametrize(
    ("left_out", "fine", "usage", "is_linear"),
    [
        ((), (), PLAIN, True),
        ((), (), PLAIN | {"cache_read_tokens": 40, "reasoning_tokens": 5}, True),
        ((), (), PLAIN | {"cache_write_tokens": 40, "cache_write_1h_tokens": 10}, True),
        ((), (), PLAIN | {"cache_read_tokens": 60, "input_image_tokens": 60}, False),
        ((), (), PLAIN | {"cache_write_tokens": 40, "cache_write_5m_tokens": 30, "cache_write_1h_tokens": 20}, False),
        ((), (), PLAIN | {"reasoning_tokens": -1}, False),
        ((), ("cache_read_input_token_cost",), PLAIN, True),
        ((), ("cache_read_input_token_cost",), PLAIN | {"cache_read_tokens": 4}, False),
        (("output_cost_per_token",), (), {"input_tokens": 100, "output_tokens": 0}, True),
        (("output_cost_per_token",), (), PLAIN, False),
        (("output_cost_per_token",), (), PLAIN | {"output_image_tokens": 20}, True),
        (("output_cost_per_token",), (), PLAIN | {"output_image_tokens": 19}, False),
    ],
)
def test_what_is_linear(left_out, fine, usage, is_linear):
    rates = {name: FINE if name in fine else rate for name, rate in RATES.items() if name not in left_out}
    plan = card_of(rates).plan("", 0, off_peak=False)
    cost = plan.linear.cost(Usage(**usage))
    assert (cost is not None) == is_linear
    assert not is_linear or cost == lines_cost(plan, Usage(**usage))


@pytest.mark.parametrize(
    "parts",
    [
        {"cache_read_audio_tokens": 30},
        {"cache_write_5m_tokens": 30},
        {"cache_read_tokens": 80, "input_audio_tokens": 80},
        {"cache_read_tokens": 80, "input_audio_tokens": 80, "cache_read_audio_tokens": 70},
        {"output_image_tokens": 15, "reasoning_tokens": 15},
    ],
)
@pytest.mark.parametrize("model", ["gpt-audio", "gpt-image", "gpt-5"])
def test_a_frame_of_contradictory_counts_is_priced_by_the_row(parts, model):
    at = datetime(2026, 11, 1, tzinfo=UTC)
    usage = Usage(**PLAIN, **parts)
    listed = [Event(id="x", occurred_at=at, provider="openai", model=model, usage=usage)]
    check_frame(frame_of(listed), listed)
    stated = frame_of(listed).select("provider", "model", "occurred_at", *PLAIN, *parts)
    check_frame(stated.with_columns(pl.lit(None, pl.String).alias("region")), listed)


@given(tidy_events())
def test_a_row_of_the_ledger_is_the_usage_it_was_made_of(event):
    assert usage_of(frame_of([event]).row(0, named=True)) == event.usage
