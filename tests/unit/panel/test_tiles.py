from decimal import Decimal

import pytest

from tokenbudget_panel.tiles import html, tiles

NOTHING = {
    "requests": 0,
    "cost_usd": Decimal(0),
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "cache_read_tokens": 0,
    "errors": 0,
    "aborted": 0,
    "unpriced": 0,
    "avg_cost_usd": None,
    "error_rate": None,
    "cache_hit_rate": None,
}
SOME = NOTHING | {
    "requests": 1_500,
    "cost_usd": Decimal("112.000000000000"),
    "input_tokens": 1_000_000,
    "output_tokens": 250_000,
    "total_tokens": 1_250_000,
    "cache_read_tokens": 400_000,
    "errors": 3,
    "avg_cost_usd": Decimal("0.074666666667"),
    "error_rate": 0.002,
    "cache_hit_rate": 0.4,
}


def by_name(current, previous):
    return {tile.name: tile for tile in tiles(current, previous)}


def test_tiles_say_the_metrics():
    shown = by_name(SOME, NOTHING)
    assert {name: (tile.value, tile.note) for name, tile in shown.items()} == {
        "Spend": ("$112.00", "no calls in the period before"),
        "Requests": ("1,500", "$0.0747 each"),
        "Tokens": ("1.25M", "1M in · 250k out"),
        "Cache hit rate": ("40.0 %", "400k input tokens reused"),
        "Error rate": ("0.2 %", "3 failed · 0 aborted"),
    }
    assert shown["Requests"].exact == "1,500 requests"


@pytest.mark.parametrize(
    ("cost", "before", "change", "mood"),
    [
        ("112", "100", "▲ 12 %", "bad"),
        ("75", "100", "▼ 25 %", "good"),
        ("100", "100", "no change", ""),
        ("100", "0", "", ""),
        ("100", None, "", ""),
        (None, "100", "", ""),
    ],
)
def test_spend_is_compared_with_the_period_before(cost, before, change, mood):
    amounts = [None if amount is None else Decimal(amount) for amount in (cost, before)]
    spend = by_name(SOME | {"cost_usd": amounts[0]}, SOME | {"cost_usd": amounts[1]})["Spend"]
    assert (spend.change, spend.mood) == (change, mood)


def test_a_tiny_cost_is_not_nothing():
    assert by_name(SOME | {"cost_usd": Decimal("0.000000270000")}, NOTHING)["Spend"].value == "$0.00000027"


def test_what_is_unknown_is_said_not_zero():
    unknown = SOME | dict.fromkeys(("cost_usd", "input_tokens", "output_tokens", "total_tokens", "avg_cost_usd"))
    shown = by_name(unknown | {"unpriced": 1_500}, NOTHING)
    assert (shown["Spend"].value, shown["Tokens"].value) == ("unknown", "unknown")
    assert shown["Spend"].warning == "1,500 unpriced"


def test_only_a_spend_that_leaves_something_out_warns():
    assert "unpriced" not in html(tiles(SOME, NOTHING))
    assert "7 calls of 1,500 have no known cost" in html(tiles(SOME | {"unpriced": 7}, NOTHING))
