"""Prices that the user sets: from their date on, in place of those of the table."""

from datetime import datetime
from decimal import Decimal

import pytest

from tests.unit.pricing.book.test_price_book import JULY, JUNE, MAY, MILLION, cost, row
from tokenbudget.core.errors import PriceError
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer
from tokenbudget.pricing.book.overrides import make


def test_negotiated_rates_take_the_place_of_the_tables_from_their_date_on():
    own = make(model="gpt-4o", provider="openai", input_per_million="1.5", effective_from="2026-06-01", note="deal 7")
    pricer = Pricer(PriceBook([row("3e-6"), row("2e-6", JULY)]), overrides=[own])
    assert cost(pricer, MAY) == 3
    assert cost(pricer, JUNE) == Decimal("1.5")
    assert cost(pricer, JULY) == Decimal("1.5")
    receipt = pricer.price("openai", "gpt-4o", Usage(input_tokens=0, output_tokens=10), at=JULY)
    assert receipt.lines[0].rate == Decimal("0.00001")
    assert receipt.lines[0].source == "override: deal 7"


def test_a_discount_follows_the_tables_changes():
    own = make(model="gpt-4o", provider="openai", multiplier="0.8", effective_from=JUNE)
    pricer = Pricer(PriceBook([row("3e-6"), row("2e-6", JULY)]), overrides=[own])
    assert [cost(pricer, at) for at in (MAY, JUNE, JULY)] == [3, Decimal("2.4"), Decimal("1.6")]


def test_one_for_all_models_yields_to_one_for_the_model():
    overrides = [
        make(model="*", provider="openai", multiplier="0.5"),
        make(model="gpt-4o", provider="openai", multiplier="0.9", effective_from=JUNE),
    ]
    pricer = Pricer(PriceBook([row("3e-6"), row("1e-6", key="gpt-5")]), overrides=overrides)
    assert cost(pricer, MAY) == Decimal("1.5")
    assert cost(pricer, JULY) == Decimal("2.7")
    assert cost(pricer, JULY, "gpt-5") == Decimal("0.5")


def test_a_private_model_has_no_price_before_its_date():
    own = make(model="house", provider="azure", input_per_million=1, output_per_million=2, effective_from=JUNE)
    pricer = Pricer(PriceBook(()), overrides=[own])
    assert cost(pricer, MAY, "house", "azure") == "no_price"
    assert cost(pricer, JUNE, "house", "azure") == 1


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("bedrock", "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"),
        ("bedrock", "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc123"),
        ("vertex", "projects/p/locations/eu/endpoints/123"),
        ("vertex", "projects/p/locations/eu/publishers/google/models/house"),
        ("vertex", "publishers/google/models/house"),
        ("google", "models/house"),
        ("google", "tunedModels/house-1a2b"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc123"),
        ("openai", "openai/house"),
        ("together", "acme/house@2026-01-01"),
        ("moonshot_cn", "kimi-k2"),
        ("azure", "gpt-4"),
    ],
)
def test_a_price_set_by_the_name_that_coverage_shows_applies(provider, model):
    own = make(model=model, provider=provider, input_per_million="1.5", output_per_million=2)
    tuned = row("9e-6", key="ft:gpt-4o-2024-08-06")
    pricer = Pricer(PriceBook([row("3e-6"), tuned, row("3e-5", key="azure/gpt-4")]), overrides=[own])
    assert cost(pricer, MAY, model, provider) == Decimal("1.5")
    asked = pricer.price(provider, model, MILLION, requested_model="something else", at=MAY)
    assert asked.cost_usd == Decimal("1.5")


def test_the_users_price_is_the_price_however_fast_the_call():
    pricer = Pricer(PriceBook([row("3e-6")]), overrides=[make(model="gpt-4o", provider="openai", input_per_million=1)])
    assert pricer.price("openai", "gpt-4o", MILLION, speed="fast").cost_usd == 1
    pricer = Pricer(PriceBook([row("3e-6")]), overrides=[make(model="gpt-4o", provider="openai", multiplier="0.5")])
    assert pricer.price("openai", "gpt-4o", MILLION, speed="fast").label == "no_unit_price: fast speed"


def test_zero_is_meant_where_the_user_says_it():
    own = make(model="house", provider="azure", input_per_million=0, output_per_million=0)
    assert cost(Pricer(PriceBook(()), overrides=[own]), MAY, "house", "azure") == 0


def test_an_empty_one_ends_the_override(tmp_path, monkeypatch):
    from tokenbudget import config
    from tokenbudget.pricing import price, prices

    monkeypatch.setattr(config, "in_force", config.resolve(home=tmp_path))
    prices.set(model="house", provider="openai", input_per_million=1, output_per_million=1)
    prices.set(model="gpt-4o-mini", provider="openai", multiplier="0.5", effective_from="2026-06-01")
    prices.clear(model="gpt-4o-mini", provider="openai", effective_from="2026-07-01")
    at = [price("openai", "gpt-4o-mini", MILLION, at=at).cost_usd for at in (MAY, JUNE, JULY)]
    assert at[0] == at[2] == 2 * at[1]
    assert price("openai", "house", MILLION).cost_usd == 1
    assert len(prices.overridden()) == 3


def test_rates_by_the_fields_of_the_table():
    own = make(model="m", provider="openai", rates={"output_cost_per_image": "0.03", "input_cost_per_token_flex": 1e-6})
    assert own.fields() == {
        "output_cost_per_image": Decimal("0.03"),
        "input_cost_per_token_flex": Decimal("0.000001"),
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "either rates"),
        ({"input_per_million": 1, "multiplier": 1}, "not both"),
        ({"input_per_million": -1}, "input_per_million=-1"),
        ({"input_per_million": "cheap"}, "'cheap'"),
        ({"input_per_million": True}, "True"),
        ({"input_per_million": float("nan")}, "nan"),
        ({"input_per_million": float("inf")}, "inf"),
        ({"input_per_million": "1e999999999"}, "is no price"),
        ({"multiplier": Decimal("1e-999999999")}, "is no price"),
        ({"multiplier": 1, "effective_from": "0001-01-01T00:00:00+23:59"}, "not between 1970 and 2199"),
        ({"multiplier": 1, "effective_from": "9999-12-31"}, "not between 1970 and 2199"),
        ({"multiplier": 0}, "above 0"),
        ({"multiplier": 1000}, "0.85"),
        ({"rates": {"input_cost_per_token": 2.5}}, "per million"),
        ({"rates": {"input_cost_per_tokn": 1e-6}}, "did you mean input_cost_per_token"),
        ({"rates": {"vibes": 1}}, "unknown price field 'vibes'"),
        ({"multiplier": 1, "model": " "}, "needs a model"),
        ({"multiplier": 1, "provider": ""}, "needs a model and a provider"),
        ({"multiplier": 1, "effective_from": "soon"}, "'soon' is no date"),
        ({"multiplier": 1, "effective_from": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(given, says):
    with pytest.raises(PriceError, match=says):
        make(**{"model": "m", "provider": "openai"} | given)


def test_a_float_is_taken_as_it_was_written():
    assert make(model="m", provider="openai", input_per_million=0.1).fields() == {
        "input_cost_per_token": Decimal("1e-7")
    }
