"""The table against an independent second opinion, over every chat model that both know."""

from importlib.metadata import version

import pytest

from tests.parity.pricing.differences import DOCUMENT, EXPLANATIONS, compare, document
from tokenbudget.pricing import PriceBook


@pytest.fixture(scope="module")
def comparison():
    return compare()


def test_hundreds_of_models_of_all_large_providers_are_compared(comparison):
    assert comparison.compared.total() > 500
    assert {"openai", "anthropic", "google", "azure", "bedrock", "mistral", "xai"} <= set(comparison.compared)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "vertex"])
def test_the_providers_people_use_most_have_the_same_plain_rates(comparison, provider):
    plain = {d.key for d in comparison.differences if d.provider == provider and d.call in ("input", "output")}
    assert len(plain) <= max(1, 0.02 * comparison.compared[provider]), plain


def test_most_models_are_alike_in_everything(comparison):
    assert comparison.alike.total() > 0.7 * comparison.compared.total()


def test_every_disagreement_is_explained_and_few_are_only_stated(comparison):
    assert {d.why for d in comparison.differences} <= set(EXPLANATIONS)
    stated = {d.key for d in comparison.differences if d.why == "stated otherwise"}
    assert len(stated) < 0.15 * comparison.compared.total()


def test_the_page_is_the_comparison(comparison):
    page = DOCUMENT.read_text("utf-8")
    if f"{PriceBook.bundled().revision} and genai-prices {version('genai-prices')}" not in page:
        pytest.skip("the page is of other versions: run python -m tests.parity.pricing.differences")
    assert page == document(comparison)
