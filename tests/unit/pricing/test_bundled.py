"""The bundled book, whatever its prices are this month: sane, whole, and dated."""

import itertools
import json
import subprocess
import sys
from decimal import Decimal
from importlib.resources import files

import pytest

from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer
from tokenbudget.pricing.book.build import unknown_fields
from tokenbudget.pricing.book.diff import read_table
from tokenbudget.pricing.book.price_book import BUNDLED, read_file


@pytest.fixture(scope="module")
def content():
    return files("tokenbudget.pricing").joinpath("data", BUNDLED).read_bytes()


@pytest.fixture(scope="module")
def rows(content):
    return read_file(content)[1]


@pytest.fixture(scope="module")
def bundled():
    return Pricer(PriceBook.bundled())


def test_it_says_where_it_comes_from(content):
    provenance = read_file(content)[0]
    assert provenance.licence == "MIT"
    assert provenance.revision.startswith("litellm ")
    assert "Copyright" in provenance.attribution
    assert provenance.url.startswith("https://")


def test_it_is_large_enough_to_be_whole_and_small_enough_to_ship(content, rows):
    assert len(rows) > 4_000
    assert len(content) < 3_000_000


def test_every_row_passes_the_checks_of_a_sync(rows):
    assert read_table({row.key: row.fields() for row in rows}, "again").refused == {}


def test_every_price_field_is_understood_or_known_not_to_be_dollars(rows):
    assert set(unknown_fields(rows)) == {"input_dbu_cost_per_token", "output_dbu_cost_per_token"}


def test_decimals_are_those_of_the_text(content):
    line = next(line for line in content.splitlines() if line.startswith(b'{"key":"text-embedding-3-small"'))
    assert json.loads(line, parse_float=Decimal)["prices"]["input_cost_per_token"] == Decimal("2e-8")
    receipt = Pricer(PriceBook.bundled()).price("openai", "text-embedding-3-small", Usage(input_tokens=1))
    assert receipt.cost_usd == Decimal("0.00000002")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-5-2025-08-07"),
        ("azure", "gpt-5-mini-2025-08-07"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("anthropic", "claude-3-5-sonnet-20240620"),
        ("google", "gemini-2.5-flash"),
        ("vertex", "gemini-2.5-flash"),
        ("vertex", "claude-sonnet-4-5@20250929"),
        ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("bedrock", "amazon.nova-micro-v1:0"),
        ("mistral", "mistral-small-latest"),
        ("cohere", "command-a-03-2025"),
        ("groq", "openai/gpt-oss-120b"),
        ("deepseek", "deepseek-chat"),
        ("xai", "grok-4.3"),
        ("perplexity", "sonar"),
        ("openrouter", "openai/gpt-5-mini"),
        ("together", "moonshotai/Kimi-K2-Instruct"),
        ("cerebras", "gpt-oss-120b"),
    ],
)
def test_models_people_use_have_a_price(bundled, provider, model):
    answer = bundled.price(provider, model, Usage(input_tokens=1000, output_tokens=1000))
    assert isinstance(answer, Receipt), answer
    assert Decimal("0.00001") < answer.cost_usd < 1


def test_every_row_compiles_for_every_kind_of_call(rows, bundled):
    """No row of the table can make pricing fail: at worst it has no price."""
    usage = Usage(input_tokens=500_000, output_tokens=10, cache_read_tokens=5, cache_write_tokens=5, reasoning_tokens=5)
    reasons = set()
    for row, tier in zip(rows, itertools.cycle([None, "flex", "batch"]), strict=False):
        answer = bundled.price("litellm", row.key, usage, service_tier=tier, region="eu")
        reasons.add(answer.reason if isinstance(answer, Unpriced) else "priced")
    assert reasons == {"priced", "no_price", "no_unit_price"}


def test_pricing_loads_neither_polars_nor_httpx_nor_reads_prices_on_import():
    code = (
        "import sys, tokenbudget.pricing as p; "
        "print(sorted({'polars', 'httpx', 'click', 'pandas'} & set(sys.modules)), p.default.__module__); "
        "import tokenbudget.pricing.default_pricer as d; print(d._bundled)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["[] tokenbudget.pricing.default_pricer", "None"]
