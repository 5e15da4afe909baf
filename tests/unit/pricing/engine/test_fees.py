"""The list of fees: whose they are, where they come from, and who comes before whom."""

from decimal import Decimal

import pytest

from tokenbudget.core.providers import canonical
from tokenbudget.core.receipt import Receipt
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book import fee_list
from tokenbudget.pricing.book.overrides import make
from tokenbudget.pricing.book.price_book import PriceBook
from tokenbudget.pricing.engine.pricer import Pricer

FEES = fee_list.table().fees


@pytest.fixture(scope="module")
def bundled():
    return PriceBook.bundled()


@pytest.mark.parametrize("fee", FEES, ids=lambda fee: f"{fee.provider} {fee.tool} {fee.models[0]}")
def test_each_fee_says_where_it_comes_from(fee):
    assert fee.source
    assert fee.date[:4].isdigit()
    assert fee.provider == canonical(fee.provider)
    assert 0 <= fee.usd < 10


def test_no_fee_hides_behind_another():
    """The first one whose models fit counts, so the one for all of them is the last."""
    seen = set()
    for fee in FEES:
        assert (fee.provider, fee.tool) not in seen
        if fee.models == ("*",):
            seen.add((fee.provider, fee.tool))


@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_a_container_costs_what_the_table_says_that_it_does(bundled, provider):
    """The table has a row for it that no call of a model is priced by."""
    stated = bundled.latest(f"{provider}/container").fields()["code_interpreter_cost_per_session"]
    (fee,) = (fee for fee in FEES if (fee.provider, fee.tool) == (provider, "code_interpreter"))
    assert fee.usd == stated


def test_routers_are_rows_of_the_table_that_bill_the_input_alone(bundled):
    for key in fee_list.table().routers.keys:
        row = bundled.latest(key).fields()
        assert row["input_cost_per_token"] > 0
        assert not row["output_cost_per_token"]


OWN = {
    "the call of a tool": ("gpt-4.1", {"file_search_cost_per_call": "0.001"}, {"file_search": 2}, "0.002"),
    "a variant of it": (
        "gpt-4.1",
        {"code_interpreter_4g_cost_per_call": "0.1"},
        {"code_interpreter:4g": 1, "code_interpreter": 1},
        "0.13",
    ),
    "all variants of it": (
        "gpt-4.1",
        {"code_interpreter_cost_per_call": "0.02"},
        {"code_interpreter:unknown": 1, "code_interpreter": 1},
        "0.04",
    ),
    "what the row states": ("gpt-4.1", {"search_context_cost_per_query": "0.007"}, {"web_search": 1}, "0.007"),
    "a tool that nobody lists": ("gpt-4.1", {"telescope_cost_per_call": "3"}, {"telescope": 1}, "3"),
    "a search whose content is billed apart": (
        "gpt-4.1-mini",
        {"web_search_cost_per_call": "0.012"},
        {"web_search": 1},
        "0.012",
    ),
}


@pytest.mark.parametrize(("model", "rates", "tools", "cost"), OWN.values(), ids=OWN)
def test_a_fee_that_the_user_sets_comes_before_all_others(bundled, model, rates, tools, cost):
    pricer = Pricer(bundled, overrides=[make(model=model, provider="openai", rates=rates)])
    receipt = pricer.price("openai", model, Usage(input_tokens=0, output_tokens=0, tools=tools))
    assert isinstance(receipt, Receipt), receipt
    assert receipt.cost_usd == Decimal(cost)


def test_a_router_with_a_price_of_the_users_has_that(bundled):
    own = make(model="model-router", provider="azure", input_per_million=1, output_per_million=2)
    receipt = Pricer(bundled, overrides=[own]).price(
        "azure", "gpt-5-mini-2025-08-07", Usage(input_tokens=1000, output_tokens=100), requested_model="model-router"
    )
    assert receipt.cost_usd == Decimal("0.0012")


def test_a_block_of_content_is_billed_in_the_tier_of_the_call(bundled):
    usage = Usage(input_tokens=0, output_tokens=0, tools={"web_search": 1})
    receipt = Pricer(bundled).price("openai", "gpt-4o-mini", usage, batch=True)
    assert receipt.cost_usd == Decimal("0.01") + 8000 * Decimal("0.000000075")


@pytest.mark.parametrize(("used", "billed"), [("2.5", 10), ("10", 10), ("12.5", Decimal("12.5"))])
def test_groq_bills_ten_seconds_at_least(bundled, used, billed):
    receipt = Pricer(bundled).price("groq", "whisper-large-v3", Usage(units={"seconds": Decimal(used)}))
    assert [line.quantity for line in receipt.lines] == [billed]
    openai = Pricer(bundled).price("openai", "whisper-1", Usage(units={"seconds": Decimal(used)}))
    assert [line.quantity for line in openai.lines] == [Decimal(used)]


@pytest.mark.parametrize(
    ("provider", "model", "dearer"),
    [("bedrock", "anthropic.claude-opus-5-5", 1), ("bedrock_mantle", "anthropic.claude-opus-5-5", Decimal("1.1"))],
)
def test_the_endpoints_of_bedrock_have_each_its_list(bundled, provider, model, dearer):
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    standard = Pricer(bundled).price("bedrock", "anthropic.claude-opus-5-5", usage).cost_usd
    assert Pricer(bundled).price(provider, model, usage, region="us-east-1").cost_usd == standard * dearer


@pytest.mark.parametrize(("region", "dearer"), [(None, 1), ("us", Decimal("1.25")), ("eu", 1)])
def test_together_charges_for_regions(bundled, region, dearer):
    model, usage = "meta-llama/Llama-3.3-70B-Instruct-Turbo", Usage(input_tokens=1_000_000, output_tokens=0)
    standard = Pricer(bundled).price("together", model, usage).cost_usd
    assert Pricer(bundled).price("together", model, usage, region=region).cost_usd == standard * dearer
