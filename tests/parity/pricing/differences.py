"""Where TokenBudget and genai-prices disagree about a chat model, and why.

``python -m tests.parity.pricing.differences`` writes the page.

Every chat model of the bundled book that genai-prices knows, too, is priced by both for five kinds of calls.  Each
disagreement gets one explanation; what follows from another one of the same model is not listed again.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import genai_prices

from tokenbudget.core.receipt import Receipt
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer, PriceRow

DOCUMENT = Path(__file__).parents[3] / "docs" / "explanation" / "price-differences.md"
AT = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
"""A Tuesday, in no provider's off-peak hours."""
THOUSAND, LONG = 1_000, 300_000
CALLS = {
    "input": {"input_tokens": THOUSAND, "output_tokens": 0},
    "output": {"input_tokens": 0, "output_tokens": THOUSAND},
    "cache read": {"input_tokens": THOUSAND, "output_tokens": 0, "cache_read_tokens": THOUSAND},
    "cache write": {"input_tokens": THOUSAND, "output_tokens": 0, "cache_write_tokens": THOUSAND},
    "long context": {"input_tokens": LONG, "output_tokens": 0},
}
# LiteLLM's provider: TokenBudget's, genai-prices', and the prefix of its keys.
PROVIDERS = {
    "anthropic": ("anthropic", "anthropic", ""),
    "azure": ("azure", "azure", "azure/"),
    "bedrock": ("bedrock", "aws", ""),
    "bedrock_converse": ("bedrock", "aws", ""),
    "cerebras": ("cerebras", "cerebras", "cerebras/"),
    "cohere": ("cohere", "cohere", ""),
    "cohere_chat": ("cohere", "cohere", ""),
    "deepseek": ("deepseek", "deepseek", "deepseek/"),
    "fireworks_ai": ("fireworks", "fireworks", "fireworks_ai/"),
    "gemini": ("google", "google", "gemini/"),
    "groq": ("groq", "groq", "groq/"),
    "minimax": ("minimax", "minimax", "minimax/"),
    "mistral": ("mistral", "mistral", "mistral/"),
    "moonshot": ("moonshot", "moonshotai", "moonshot/"),
    "novita": ("novita", "novita", "novita/"),
    "openai": ("openai", "openai", ""),
    "perplexity": ("perplexity", "perplexity", "perplexity/"),
    "together_ai": ("together", "together", "together_ai/"),
    "vertex_ai-language-models": ("vertex", "google", ""),
    "xai": ("xai", "x-ai", "xai/"),
    "zai": ("zai", "zai", "zai/"),
}
CHAT = {"chat", "responses", "completion"}
_GEOGRAPHY = re.compile(
    r"^(?:bedrock/[a-z]{2}(?:-[a-z]+)+-\d/|azure/(?:eu|us|global)/|(?:us|eu|apac|au|jp|us-gov|global|in)\.)"
)
_REGIONAL = Decimal("1.1")

EXPLANATIONS = {
    "geography": ("The row is for one region or geography, with its own price; genai-prices has one price for all."),
    "regional": (
        "genai-prices has the price of a regional profile, which is a tenth above the table's price of the plain id."
    ),
    "request fee": (
        "genai-prices adds the highest request fee to every call. TokenBudget bills the fee of the context size that "
        "the response states."
    ),
    "no rate there": "genai-prices has no rate for this part and bills it like other input.",
    "no rate here": "The table has no rate for this part, so it is billed like other input.",
    "no tier there": "genai-prices has no higher rate for long contexts.",
    "no tier here": "The table has no higher rate for long contexts.",
    "stated otherwise": (
        "Both state a rate, but different ones: one of the tables is outdated or wrong. Check the provider's list if "
        "you use the model, and set your own price if the table is wrong."
    ),
}


@dataclass(frozen=True)
class Difference:
    """One kind of call that the two price differently, in US dollars per million tokens."""

    provider: str
    key: str
    call: str
    ours: Decimal
    theirs: Decimal
    why: str


@dataclass(frozen=True)
class Comparison:
    """All differences, and by provider how many models were compared and how many are in no way different."""

    differences: list[Difference]
    compared: Counter[str]
    alike: Counter[str]
    unknown: Counter[str]


def compare() -> Comparison:
    """Price every chat model of the bundled book both ways."""
    pricer = Pricer(PriceBook.bundled())
    found = Comparison([], Counter(), Counter(), Counter())
    for key in sorted(pricer.book):
        row = pricer.book.latest(key)
        if row is None or not row.listed or row.mode not in CHAT or row.provider not in PROVIDERS:
            continue
        prices = _both(pricer, row)
        name = PROVIDERS[row.provider][0]
        if prices is None:
            found.unknown[name] += 1
            continue
        found.compared[name] += 1
        differences = list(_differences(name, key, prices))
        found.alike[name] += not differences
        found.differences.extend(differences)
    return found


def _both(pricer: Pricer, row: PriceRow) -> dict[str, tuple[Decimal, Decimal]] | None:
    """Return both prices of every kind of call; None where one of the two does not know the model."""
    provider, theirs, prefix = PROVIDERS[row.provider]
    model = row.key.removeprefix(prefix)
    prices = {}
    for call, counts in CALLS.items():
        ours = pricer.price(provider, model, Usage(**counts), at=AT)
        try:
            other = genai_prices.calc_price(
                genai_prices.Usage(**counts), model, provider_id=theirs, genai_request_timestamp=AT
            )
        except LookupError:
            return None
        if not isinstance(ours, Receipt):
            return None
        tokens = sum(counts[side] for side in ("input_tokens", "output_tokens"))
        prices[call] = tuple(cost / tokens * 1_000_000 for cost in (ours.cost_usd, other.total_price))
    return prices


def _differences(provider: str, key: str, prices: dict[str, tuple[Decimal, Decimal]]) -> Iterator[Difference]:
    our_input, their_input = prices["input"]
    for call, (ours, theirs) in prices.items():
        if ours == theirs:
            continue
        # The same factor as for plain input: what is said of that is said of this.
        follows = call not in ("input", "output") and our_input * theirs == their_input * ours
        if not follows:
            yield Difference(provider, key, call, ours, theirs, _why(provider, key, call, prices))


def _why(provider: str, key: str, call: str, prices: dict[str, tuple[Decimal, Decimal]]) -> str:
    ours, theirs = prices[call]
    our_input, their_input = prices["input"]
    if provider == "perplexity" and theirs > ours:
        return "request fee"
    if call not in ("input", "output") and theirs == their_input:
        return "no tier there" if call == "long context" else "no rate there"
    if call not in ("input", "output") and ours == our_input:
        return "no tier here" if call == "long context" else "no rate here"
    if _GEOGRAPHY.match(key):
        return "geography"
    if provider == "bedrock" and theirs == ours * _REGIONAL:
        return "regional"
    return "stated otherwise"


HEAD = """\
# Where prices differ from genai-prices

Generated by `python -m tests.parity.pricing.differences` from {ours} and genai-prices {theirs}; do not edit.

TokenBudget takes its rates from LiteLLM's table. [genai-prices](https://github.com/pydantic/genai-prices) is an
independent source: every chat model that both know is priced by both, for plain input, output, cache reads, cache
writes and a long context. This page lists each difference and its cause.

In addition, genai-prices does not count web searches of OpenAI's Responses API, because they are not in the usage that
it reads.

| provider | compared | no difference | only in LiteLLM's table |
|---|---:|---:|---:|
"""


def document(found: Comparison) -> str:
    """Write the comparison as a page."""
    lines = [
        f"| {name} | {found.compared[name]} | {found.alike[name]} | {found.unknown[name]} |"
        for name in sorted(found.compared | found.unknown)
    ]
    lines.append(f"| **all** | {found.compared.total()} | {found.alike.total()} | {found.unknown.total()} |")
    lines += ["", "Rates are US dollars per million tokens."]
    for why, text in EXPLANATIONS.items():
        chosen = [difference for difference in found.differences if difference.why == why]
        if chosen:
            lines += ["", f"## {why.capitalize()} ({len(chosen)})", "", text, ""]
            lines += ["| row | part | TokenBudget | genai-prices |", "|---|---|---:|---:|"]
            lines += [f"| `{d.key}` | {d.call} | {_short(d.ours)} | {_short(d.theirs)} |" for d in chosen]
    head = HEAD.format(ours=PriceBook.bundled().revision, theirs=version("genai-prices"))
    return head + "\n".join(lines) + "\n"


def _short(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


def main(arguments: Sequence[str]) -> int:
    """Write the page; with ``--check`` only tell whether it is current."""
    page = document(compare())
    if "--check" in arguments:
        is_current = DOCUMENT.read_text("utf-8") == page
        sys.stdout.write("" if is_current else f"{DOCUMENT} is not current: run `dev.py docs`\n")
        return 0 if is_current else 1
    DOCUMENT.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
