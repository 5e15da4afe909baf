from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tokenbudget.core.errors import PriceError
from tokenbudget.pricing import PriceBook
from tokenbudget.pricing.book.diff import EVERYTHING, diff, read_table

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def entry(price, **more):
    return {
        "litellm_provider": "openai",
        "input_cost_per_token": Decimal(price),
        "output_cost_per_token": Decimal("1e-5"),
    } | more


def book_of(**entries):
    return PriceBook(read_table(entries, "old").rows)


def found(book, *, confirmed=(), **entries):
    return diff(book, read_table(entries, "new"), at=NOW, confirmed=confirmed)


def test_nothing_new_appends_nothing(book, table):
    same = diff(book, read_table(table, "again"), at=NOW)
    assert (same.rows, same.changes, same.held) == ((), (), ())
    assert set(same.counts.values()) == {0}


def test_raised_and_lowered_prices_hold_from_now_on():
    changes = found(book_of(a=entry("1e-6"), b=entry("1e-6")), a=entry("2e-6"), b=entry("5e-7"))
    assert [(c.key, c.kind, c.field, c.before, c.after) for c in changes.changes] == [
        ("a", "raised", "input_cost_per_token", Decimal("1e-6"), Decimal("2e-6")),
        ("b", "lowered", "input_cost_per_token", Decimal("1e-6"), Decimal("5e-7")),
    ]
    assert {row.effective_from for row in changes.rows} == {NOW}
    assert {row.source for row in changes.rows} == {"new"}
    assert changes.counts == {"new": 0, "raised": 1, "lowered": 1, "removed": 0, "held": 0, "refused": 0}


def test_a_new_models_price_holds_since_ever():
    changes = found(book_of(a=entry("1e-6")), a=entry("1e-6"), b=entry("1e-6"))
    assert [(row.key, row.effective_from) for row in changes.rows] == [("b", None)]
    assert changes.counts["new"] == 1


def test_a_dropped_model_keeps_its_price_and_is_told_once():
    book = book_of(a=entry("1e-6"), b=entry("1e-6"), c=entry("1e-6"))
    gone = found(book, a=entry("1e-6"), b=entry("1e-6"))
    assert gone.counts["removed"] == 1
    after = book.with_rows(gone.rows)
    assert after.latest("c").fields() == book.latest("c").fields()
    assert not after.latest("c").listed
    assert found(after, a=entry("1e-6"), b=entry("1e-6")).counts["removed"] == 0
    back = found(after, a=entry("1e-6"), b=entry("1e-6"), c=entry("1e-6"))
    assert back.counts["new"] == 1
    assert after.with_rows(back.rows).latest("c").listed


@pytest.mark.parametrize("price", ["1.1e-5", "9e-8", "0"])
def test_a_move_of_more_than_tenfold_waits_for_a_confirmation(price):
    book = book_of(a=entry("1e-6"), b=entry("1e-6"))
    waiting = found(book, a=entry(price), b=entry("2e-6"))
    assert [row.key for row in waiting.rows] == ["b"]
    assert [(c.key, c.before, c.after) for c in waiting.held] == [("a", Decimal("1e-6"), Decimal(price))]
    for confirmed in ({"a"}, EVERYTHING):
        assert [row.key for row in found(book, confirmed=confirmed, a=entry(price), b=entry("2e-6")).rows] == ["a", "b"]


@pytest.mark.parametrize("price", ["1e-5", "1e-7"])
def test_tenfold_itself_is_believed(price):
    assert found(book_of(a=entry("1e-6")), a=entry(price)).held == ()


def test_fields_that_come_and_go_make_no_model_new_or_removed():
    changes = found(
        book_of(a=entry("1e-6", tiered_pricing=[{"range": [0, 5]}])),
        a=entry("1e-6", input_cost_per_token_flex=Decimal("1e-7")),
    )
    assert {(c.kind, c.field) for c in changes.changes} == {
        ("new", "input_cost_per_token_flex"),
        ("removed", "tiered_pricing.0.range.0"),
        ("removed", "tiered_pricing.0.range.1"),
    }
    assert (changes.counts["new"], changes.counts["removed"]) == (0, 0)
    assert len(changes.rows) == 1


def test_what_is_written_otherwise_is_not_changed():
    assert found(book_of(a=entry("0.000001")), a=entry("1E-6")).rows == ()


def test_a_broken_table_is_refused_as_a_whole():
    book = book_of(**{f"m{n}": entry("1e-6") for n in range(10)})
    with pytest.raises(PriceError, match="lacks 6 of 10"):
        found(book, **{f"m{n}": entry("1e-6") for n in range(4)})


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (entry("-1e-6"), "input_cost_per_token is"),
        (entry("0.2"), "too much to be true"),
        (entry("1e-6", output_cost_per_image="cheap"), "'cheap', no price"),
        (entry("1e-6", output_cost_per_image=True), "True, no price"),
        (entry("NaN"), "no price"),
        (entry("1e-6", tiered_pricing=[{"range": [0, 5], "input_cost_per_token": Decimal(7)}]), "tiered_pricing.0"),
        ("a string", "no table of fields"),
    ],
)
def test_a_row_that_cannot_be_true_is_set_aside_and_the_old_price_kept(broken, says):
    book = book_of(a=entry("1e-6"))
    kept = found(book, a=broken, b=entry("1e-6"))
    assert says in kept.refused["a"]
    assert [row.key for row in kept.rows] == ["b"]
    assert (kept.counts["refused"], kept.counts["removed"]) == (1, 0)


def test_what_is_no_model_is_no_row():
    assert read_table({"sample_spec": entry("1"), "fallback_generalizations": {"rules": []}}, "t").rows == ()


def test_every_field_that_bears_on_cost_is_kept():
    row = read_table({"a": entry("1e-6", some_new_cost_per_vibe=1, max_tokens=5, deep_pricing={"x": 1})}, "t").rows[0]
    assert set(row.fields()) == {
        "input_cost_per_token",
        "output_cost_per_token",
        "some_new_cost_per_vibe",
        "deep_pricing",
    }
