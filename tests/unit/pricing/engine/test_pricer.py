"""Receipts and refusals, one by one: what was used, and what the bill must say."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer, default
from tokenbudget.pricing.book.overrides import make

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))


def answer(pricer, case):
    call = dict(case["call"])
    at = datetime.fromisoformat(call.pop("at")) if "at" in call else None
    usage = msgspec.convert(case["usage"], Usage, strict=False)
    return pricer.price(call.pop("provider"), call.pop("model"), usage, at=at, **call)


@pytest.mark.parametrize("case", [c for c in CASES if "cost" in c], ids=lambda case: case["shows"])
def test_receipt(pricer, case):
    receipt = answer(pricer, case)
    assert isinstance(receipt, Receipt), receipt
    lines = [(line.part, line.quantity, line.rate) for line in receipt.lines]
    assert lines == [(part, Decimal(quantity), Decimal(rate)) for part, quantity, rate in case["lines"]]
    assert receipt.cost_usd == Decimal(case["cost"])
    assert receipt.cost_usd == sum(line.amount for line in receipt.lines)
    assert receipt.price_key == case["key"]
    assert receipt.list_cost_usd == (Decimal(case["list_cost"]) if "list_cost" in case else None)
    if "tier" in case:
        assert {line.tier for line in receipt.lines if line.unit == "token"} == {case["tier"]}


@pytest.mark.parametrize("case", [c for c in CASES if "unpriced" in c], ids=lambda case: case["shows"])
def test_refusal(pricer, case):
    refused = answer(pricer, case)
    assert isinstance(refused, Unpriced), refused
    assert refused.label == case["unpriced"]
    assert refused.detail


@pytest.mark.parametrize(
    "case", [c for c in CASES if "no_unit_price" in c.get("unpriced", "")], ids=lambda case: case["shows"]
)
def test_what_a_refusal_says_to_set_prices_the_call(book, pricer, case):
    refused = answer(pricer, case)
    fields = re.findall(r"'(\w+)': \.\.\.", refused.detail)
    assert len(fields) == len(refused.parts)
    call = case["call"]
    own = make(provider=call["provider"], model=call["model"], rates=dict.fromkeys(fields, "0.001"))
    assert isinstance(answer(Pricer(book, overrides=[own]), case), Receipt)


def test_each_case_is_asked_either_way():
    assert all(("cost" in case) != ("unpriced" in case) for case in CASES)


def test_names_near_an_unknown_model_are_told_but_not_taken(pricer):
    refused = pricer.price("openai", "gpt-4oo", Usage(input_tokens=1, output_tokens=1))
    assert "gpt-4o" in refused.detail


def test_a_price_never_raises(pricer):
    refused = pricer.price("openai", "gpt-4o", None)
    assert refused.reason == "error"
    assert "AttributeError" in refused.detail


@pytest.mark.parametrize("bill", ["NaN", "-1", "Infinity"])
def test_a_bill_that_cannot_be_is_not_taken(pricer, bill):
    usage = Usage(input_tokens=1000, output_tokens=0, reported_cost_usd=Decimal(bill))
    assert pricer.price("openai", "gpt-5", usage).cost_usd == Decimal("0.00125")


def test_providers_are_known_by_their_other_names(pricer):
    usage = Usage(input_tokens=1000, output_tokens=0)
    assert pricer.price("gcp.gemini", "gemini-2.5-pro", usage).price_key == "gemini/gemini-2.5-pro"
    assert pricer.price(
        "x_ai", "grok", Usage(input_tokens=0, output_tokens=0, tools={"x_search": 1})
    ).cost_usd == Decimal("0.005")


# Tokens beside other units: what the row has a rate for is the bill.
BY_THE_SECOND = {"input_cost_per_second": "0.0001"}
BOTH = BY_THE_SECOND | {"input_cost_per_token": "0.000002", "output_cost_per_token": "0.000004"}


def price_of(rates, **usage):
    override = make(model="m", provider="mistral", rates=rates)
    return Pricer(PriceBook.bundled(), overrides=[override]).price("mistral", "m", Usage(**usage))


def test_tokens_without_a_rate_are_not_billed_beside_seconds_that_have_one():
    receipt = price_of(BY_THE_SECOND, input_tokens=4, output_tokens=635, units={"audio_seconds": Decimal(203)})
    assert isinstance(receipt, Receipt)
    assert receipt.cost_usd == Decimal("0.0203")
    assert [line.part for line in receipt.lines] == ["audio_seconds"]


def test_tokens_with_a_rate_are_the_bill():
    assert price_of(BOTH, input_tokens=10, output_tokens=5, units={"audio_seconds": Decimal(203)}).cost_usd == Decimal(
        "0.00004"
    )


@pytest.mark.parametrize("units", [{}, {"pages": Decimal(1)}, {"unheard_of": Decimal(1)}])
def test_tokens_without_a_rate_are_never_free(units):
    refusal = price_of(BY_THE_SECOND, input_tokens=4, output_tokens=1, units=units)
    assert isinstance(refusal, Unpriced)
    assert refusal.reason == "no_unit_price"


COST = Decimal("0.00027")
"""Of 1,000 tokens in and 200 out by gpt-4o-mini: $0.15 and $0.60 a million."""


@pytest.mark.parametrize(
    ("fields", "cost", "list_cost"),
    [
        ({}, COST, None),
        ({"billing": "unknown"}, COST, None),
        ({"billing": "subscription"}, Decimal(0), COST),
        ({"billing": "subscription", "usage": Usage(input_tokens=1000, output_tokens=200, tools={"x": 0})}, 0, COST),
        ({"billing": "subscription", "model": "no-such-model"}, None, None),
        ({"service_tier": "scale"}, Decimal(0), COST),
        ({"service_tier": "scale", "billing": "subscription"}, Decimal(0), COST),
    ],
)
def test_what_a_plan_covers_or_was_prepaid_costs_nothing_and_has_a_list_cost(fields, cost, list_cost):
    usage = Usage(input_tokens=1000, output_tokens=200)
    known = {"provider": "openai", "model": "gpt-4o-mini", "usage": usage, "list_cost_usd": Decimal(9)}
    event = Event(id="a", occurred_at=datetime(2026, 10, 5, tzinfo=UTC), **(known | fields))
    for _ in range(2):  # The second time by what the first one found.
        priced = default().priced(event)
        assert (priced.cost_usd, priced.list_cost_usd) == (cost, list_cost)
