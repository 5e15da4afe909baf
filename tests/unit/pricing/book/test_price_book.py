"""Prices have dates, and nothing is overwritten."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer, PriceRow
from tokenbudget.pricing.book.price_book import Provenance, read_file, write_file

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
MILLION = Usage(input_tokens=1_000_000, output_tokens=0)


def row(price, since=None, key="gpt-4o", **rest):
    fields = {"input_cost_per_token": Decimal(price), "output_cost_per_token": Decimal("1e-5")}
    return PriceRow.make(key, fields, provider="openai", effective_from=since, **rest)


def cost(pricer, at, model="gpt-4o", provider="openai", usage=MILLION):
    answer = pricer.price(provider, model, usage, at=at)
    return getattr(answer, "cost_usd", None) if hasattr(answer, "cost_usd") else answer.reason


def test_a_call_costs_what_held_when_it_was_made():
    pricer = Pricer(PriceBook([row("2e-6", JUNE), row("3e-6"), row("1e-6", JULY)]))
    assert cost(pricer, MAY) == 3
    assert cost(pricer, JUNE - MOMENT) == 3
    assert cost(pricer, JUNE) == 2
    assert cost(pricer, JULY - MOMENT) == 2
    assert cost(pricer, JULY) == 1


def test_the_first_known_price_holds_before_its_date():
    assert cost(Pricer(PriceBook([row("2e-6", JUNE)])), MAY) == 2


def test_appending_rows_leaves_the_book_as_it_was():
    book = PriceBook([row("3e-6")])
    newer = book.with_rows([row("2e-6", JUNE)], revision="newer")
    assert [r.effective_from for r in book.history("gpt-4o")] == [None]
    assert [r.effective_from for r in newer.history("gpt-4o")] == [None, JUNE]
    assert newer.revision == "newer"


def test_of_two_rows_of_one_date_the_later_given_counts():
    assert cost(Pricer(PriceBook([row("3e-6"), row("2e-6", JUNE), row("5e-6", JUNE)])), JULY) == 5


def test_files_keep_every_digit_and_are_stable():
    provenance = Provenance(revision="t 1", fetched="2026-11-23", url="u", licence="MIT", attribution="a")
    rows = [row("2e-6", JUNE), row("0.000000083923311111111111", key="b"), row("3e-6"), row("1e-6", key="a")]
    content = write_file(provenance, rows)
    again = read_file(content)
    assert [(r.key, r.effective_from) for r in again[1]] == [
        ("a", None),
        ("b", None),
        ("gpt-4o", None),
        ("gpt-4o", JUNE),
    ]
    assert again[1][1].fields()["input_cost_per_token"] == Decimal("0.000000083923311111111111")
    assert write_file(*again) == content
