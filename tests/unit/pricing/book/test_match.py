import pytest

from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer, PriceRow
from tokenbudget.pricing.book.match import find_key, near

ARN = "arn:aws:bedrock:ap-northeast-1:123456789012:"


@pytest.mark.parametrize(
    ("provider", "model", "requested", "region", "key"),
    [
        # As it is, or the alias of a dated snapshot that has no row of its own.
        ("openai", "gpt-4o", None, None, "gpt-4o"),
        ("openai", "gpt-4o-2024-11-20", "gpt-4o", None, "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o", None, "gpt-4o-2024-05-13"),
        ("openai", "gpt-5:20250807-v2", None, None, "gpt-5"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", None, "claude-sonnet-4-5"),
        # Four digits are no date: they may be a version.
        ("openai", "gpt-4o-0513", None, None, None),
        # The answered model counts, the requested one only where that is unknown.
        ("openai", "gpt-5", "gpt-4o", None, "gpt-5"),
        ("openai", "", "gpt-4o", None, "gpt-4o"),
        ("openai", "some-internal-name", "gpt-4o", None, "gpt-4o"),
        # Never a near miss.
        ("openai", "gpt-4oo", None, None, None),
        ("openai", "gpt-4o-mini", None, None, None),
        ("openai", "gpt-5-turbo", None, None, None),
        # The provider decides: the same id under another one is another price.
        ("google", "gemini-3-flash", None, None, "gemini/gemini-3-flash"),
        ("vertex", "gemini-3-flash", None, None, "gemini-3-flash"),
        ("anthropic", "gpt-4o", None, None, None),
        ("openai", "claude-sonnet-4-5", None, None, None),
        ("azure", "gpt-4o-2024-11-20", "my-deployment", None, "azure/gpt-4o"),
        ("azure", "gpt-4o", None, "eu", "azure/eu/gpt-4o"),
        ("azure", "gpt-4o", None, "us", "azure/gpt-4o"),
        ("azure", "claude-sonnet-4-5", None, None, None),
        # Who answers with less than was asked for has served just that.
        ("openai", "gpt-4o", "gpt-4o-2024-05-13", None, "gpt-4o-2024-05-13"),
        ("my-gateway", "gpt-4o", "gpt-4o-0513", None, None),
        ("openai", "gpt-4o", "gpt-4o-mini", None, "gpt-4o"),
        # Prefixes of the provider and of its resource paths.
        ("openai", "openai/gpt-4o", None, None, "gpt-4o"),
        ("google", "models/gemini-3-flash", None, None, "gemini/gemini-3-flash"),
        ("vertex", "publishers/google/models/gemini-3-flash", None, None, "gemini-3-flash"),
        (
            "vertex",
            "projects/p/locations/eu/publishers/google/models/gemini-3-flash",
            None,
            None,
            "gemini-3-flash",
        ),
        ("vertex", "google/gemini-3-flash", None, None, "gemini-3-flash"),
        ("vertex", "mistralai/gemini-3-flash", None, None, None),
        ("groq", "openai/gpt-oss", None, None, "groq/openai/gpt-oss"),
        ("litellm", "openai/gpt-4o", None, None, "gpt-4o"),
        ("litellm", "azure/gpt-4o", None, None, "azure/gpt-4o"),
        ("litellm", "gpt-4o", None, None, "gpt-4o"),
        # A gateway that is not known to pass prices on is its own provider.
        ("my-gateway", "openai/gpt-4o", None, None, None),
        # Fine-tunes cost what fine-tunes of the base cost, not what the base costs.
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc123", None, None, "ft:gpt-4o-2024-08-06"),
        ("openai", "ft:gpt-5-2025-08-07:acme::abc123", None, None, None),
        # Bedrock: by the requested profile, which has prices of its own.
        (
            "bedrock",
            "claude-haiku-4-5-20251001",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            None,
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        ("bedrock", "apac.anthropic.claude-haiku-4-5-20251001-v1:0", None, None, None),
        ("bedrock", f"{ARN}inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", None, None,
         "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("bedrock", f"{ARN}application-inference-profile/x7y8", None, None, None),
        ("bedrock", "arn:aws:bedrock:ap-northeast-1::foundation-model/deepseek.v3", None, None,
         "bedrock/ap-northeast-1/deepseek.v3"),
        ("bedrock", "deepseek.v3", None, "us-east-1", "deepseek.v3"),
    ],
)  # fmt: skip
def test_find_key(book, provider, model, requested, region, key):
    assert find_key(book, provider, model, requested, region) == key


def test_near_names_are_of_the_provider(book):
    assert near(book, "openai", "gpt-4oo")[0] == "gpt-4o"
    assert all(key.startswith("azure/gpt-4") for key in near(book, "azure", "gpt-4o-turbo"))
    assert near(book, "groq", "completely-different") == []


def test_deployments_are_mapped_by_the_user(book):
    pricer = Pricer(book, models={"my-deployment": "gpt-4o", "house": "groq/openai/gpt-oss"})
    usage = Usage(input_tokens=1, output_tokens=1)
    assert pricer.price("azure", "my-deployment", usage).price_key == "azure/gpt-4o"
    assert pricer.price("azure", "", usage, requested_model="my-deployment").price_key == "azure/gpt-4o"
    assert pricer.price("openai", "house", usage).price_key == "groq/openai/gpt-oss"
    assert pricer.price("azure", "another", usage).reason == "unknown_model"


def test_an_alias_is_used_only_until_the_snapshot_has_a_row(book):
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    before = Pricer(book).price("openai", "gpt-5-2025-08-07", usage)
    own = PriceRow.make("gpt-5-2025-08-07", {"input_cost_per_token": 1, "output_cost_per_token": 1}, provider="openai")
    after = Pricer(book.with_rows([own])).price("openai", "gpt-5-2025-08-07", usage)
    assert (before.price_key, after.price_key) == ("gpt-5", "gpt-5-2025-08-07")


def test_a_book_of_no_rows_knows_nothing():
    assert find_key(PriceBook(()), "openai", "gpt-4o") is None
