"""Tokens beside other units: what the row has a rate for is the bill."""

from decimal import Decimal

import pytest

from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book.overrides import make
from tokenbudget.pricing.book.price_book import PriceBook
from tokenbudget.pricing.engine.pricer import Pricer

BY_THE_SECOND = {"input_cost_per_second": "0.0001"}
BOTH = BY_THE_SECOND | {"input_cost_per_token": "0.000002", "output_cost_per_token": "0.000004"}


def price(rates, **usage):
    override = make(model="m", provider="mistral", rates=rates)
    return Pricer(PriceBook.bundled(), overrides=[override]).price("mistral", "m", Usage(**usage))


def test_tokens_without_a_rate_are_not_billed_beside_seconds_that_have_one():
    receipt = price(BY_THE_SECOND, input_tokens=4, output_tokens=635, units={"audio_seconds": Decimal(203)})
    assert isinstance(receipt, Receipt)
    assert receipt.cost_usd == Decimal("0.0203")
    assert [line.part for line in receipt.lines] == ["audio_seconds"]


def test_tokens_with_a_rate_are_the_bill():
    assert price(BOTH, input_tokens=10, output_tokens=5, units={"audio_seconds": Decimal(203)}).cost_usd == Decimal(
        "0.00004"
    )


@pytest.mark.parametrize("units", [{}, {"pages": Decimal(1)}, {"unheard_of": Decimal(1)}])
def test_tokens_without_a_rate_are_never_free(units):
    refusal = price(BY_THE_SECOND, input_tokens=4, output_tokens=1, units=units)
    assert isinstance(refusal, Unpriced)
    assert refusal.reason == "no_unit_price"
