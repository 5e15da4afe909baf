from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget_panel.bars import bars, labels, legend_html, tick_labels
from tokenbudget_panel.page_state import View

OCTOBER = View("2026-10", "model", "Europe/Berlin")
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def call(at, model, cost, **more):
    amount = None if cost is None else Decimal(cost)
    return Event(id=uuid7(), occurred_at=at, provider="openai", model=model, cost_usd=amount, **more)


def test_blocks_stack_up_to_the_cost_of_their_bucket(snap):
    events = [call(NOON, "a", "0.5"), call(NOON, "b", "0.25"), call(NOON + timedelta(days=1), "b", "0.125")]
    shown = bars(snap(events, OCTOBER))
    blocks = list(zip(shown.blocks["left"], shown.blocks["bottom"], shown.blocks["top"], strict=True))
    assert [(round(left), bottom, top) for left, bottom, top in blocks] == [
        (4, 0.0, 0.5),
        (4, 0.5, 0.75),
        (5, 0.0, 0.125),
    ]
    assert (shown.count, shown.per) == (31, "day")
    assert shown.top >= 0.75


def test_a_day_of_25_hours_is_one_bucket(snap):
    last_hour_of_the_25th = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)
    shown = bars(snap([call(last_hour_of_the_25th, "a", "1")], OCTOBER))
    assert [round(left) for left in shown.blocks["left"]] == [24]
    assert "Sun 25 Oct 2026" in shown.slots["tip"][24]


def test_the_tip_gives_every_digit(snap):
    shown = bars(snap([call(NOON, "a", "0.000000000001"), call(NOON, "a", "1234.5"), call(NOON, "b", None)], OCTOBER))
    tip = shown.slots["tip"][4]
    assert "<td>a</td><td>$1,234.500000000001</td><td>2 calls</td>" in tip
    assert "<td>b</td><td>unknown</td><td>1 call</td>" in tip
    assert "<td>Total</td><td>$1,234.500000000001</td><td>3 calls</td>" in tip
    assert shown.slots["tip"][3] == "<b>Sun 4 Oct 2026</b><table></table>no calls"


def test_a_bar_of_unknown_cost_totals_to_unknown(snap):
    shown = bars(snap([call(NOON, "a", None), call(NOON + timedelta(days=1), "b", "1")], OCTOBER))
    assert "<td>Total</td><td>unknown</td><td>1 call</td>" in shown.slots["tip"][4]
    assert [(name, total) for name, _, total in shown.legend] == [("b", "$1.00"), ("a", "unknown")]


def test_names_are_text_not_markup(snap):
    view = View("2026-10", "feature", "UTC")
    shown = bars(snap([call(NOON, "a", "1", tags={"feature": "<script>"}), call(NOON, "a", "0.5")], view))
    written = legend_html(shown) + shown.slots["tip"][4]
    assert "<script>" not in written
    assert written.count("&lt;script&gt;") == 2
    assert "no feature" in written


def test_the_seventh_group_is_summed_up(snap):
    events = [call(NOON, f"model-{i}", str(10 - i)) for i in range(8)]
    legend = bars(snap(events, OCTOBER)).legend
    assert [(name, total) for name, _, total in legend][-2:] == [("model-5", "$5.00"), ("other", "$7.00")]
    assert len({colour for _, colour, _ in legend}) == 7


def test_calls_without_a_cost_draw_nothing(snap):
    shown = bars(snap([call(NOON, "a", None)], OCTOBER))
    assert shown.blocks["top"] == []
    assert shown.ticks == {0.0: "$0"}


@given(st.floats(1e-12, 1e9))
def test_ticks_reach_the_top_and_differ(highest):
    ticks = tick_labels(highest)
    assert 2 <= len(ticks) <= 7
    assert max(ticks) >= highest * (1 - 1e-9)
    assert len(set(ticks.values())) == len(ticks)
    assert [in_dollars(text) for text in ticks.values()] == [Decimal(str(height)) for height in ticks]


def in_dollars(text):
    size = {"M": 10**6, "B": 10**9}.get(text[-1], 1)
    return Decimal(text.strip("$MB").replace(",", "")) * size


@pytest.mark.parametrize(
    ("highest", "written"),
    [
        (7.3, ["$0", "$2", "$4", "$6", "$8"]),
        (0.42, ["$0", "$0.10", "$0.20", "$0.30", "$0.40", "$0.50"]),
        (0.00031, ["$0", "$0.0001", "$0.0002", "$0.0003", "$0.0004"]),
        (52_000, ["$0", "$20,000", "$40,000", "$60,000"]),
        (7_000_000, ["$0", "$2M", "$4M", "$6M", "$8M"]),
        (0, ["$0"]),
    ],
)
def test_ticks(highest, written):
    assert list(tick_labels(highest).values()) == written


def hours(count, zone):
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    return [(start + timedelta(hours=i)).astimezone(ZoneInfo(zone)) for i in range(count)]


def days(count):
    return [datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=i) for i in range(count)]


@pytest.mark.parametrize(
    ("starts", "interval", "written"),
    [
        (hours(24, "UTC"), "hour", ["25 Oct", "04:00", "08:00", "12:00", "16:00", "20:00"]),
        # Clocks go back at 3:00: 25 hours in that day, and each label is at its own time.
        (hours(25, "Europe/Berlin"), "hour", ["25 Oct", "04:00", "08:00", "12:00", "16:00", "20:00"]),
        (days(7), "day", ["1 Oct", "2 Oct", "3 Oct", "4 Oct", "5 Oct", "6 Oct", "7 Oct"]),
        (days(30), "day", ["5 Oct", "10 Oct", "15 Oct", "20 Oct", "25 Oct", "30 Oct"]),
        (days(1), "day", ["1 Oct"]),
    ],
)
def test_labels(starts, interval, written):
    assert list(labels(starts, interval).values()) == written


@pytest.mark.parametrize("count", [1, 2, 9, 31, 92, 120])
def test_labels_are_few(count):
    assert 1 <= len(labels(days(count), "day")) <= 7
