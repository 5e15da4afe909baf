import math
from datetime import UTC, datetime
from decimal import Decimal

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.plotting import palette
from tokenbudget_panel.page_state import View
from tokenbudget_panel.table import rows


def call(cost, feature=None, latency=None, tokens=None):
    return Event(
        id=uuid7(),
        occurred_at=datetime(2026, 10, 5, tzinfo=UTC),
        provider="openai",
        model="gpt-4o",
        usage=Usage() if tokens is None else Usage(input_tokens=tokens, output_tokens=0),
        cost_usd=None if cost is None else Decimal(cost),
        latency_ms=latency,
        tags={} if feature is None else {"feature": feature},
    )


def test_rows_say_and_sort_by_the_same_numbers(snap):
    events = [call("0.75", "search", 500, 1_200), call("0.0000000025"), call(None, "chatbot")]
    frame = rows(snap(events, View("2026-10", "feature")), {"search": "#123456"})
    assert frame["name"].tolist() == ["search", "no feature", "chatbot"]
    assert frame["colour"].tolist() == ["#123456", palette.OTHER, palette.OTHER]
    assert frame["cost_text"].tolist() == ["$0.75", "$0.0000000025", "unknown"]
    assert frame["share_text"].tolist() == [">99.9 %", "<0.1 %", "–"]
    assert frame["latency_text"].tolist() == ["500 ms", "–", "–"]
    assert frame["tokens_text"].tolist() == ["1,200", "unknown", "unknown"]
    assert frame["average_text"].tolist() == ["$0.75", "$0.0000000025", "unknown"]
    assert frame["cost"].tolist()[:2] == [0.75, 2.5e-9]
    assert math.isnan(frame["cost"].iloc[2])
    assert frame["width"].between(0, 100).all()


def test_groups_past_the_fiftieth_are_one_row(snap):
    events = [call(str(100 - i), f"feature-{i:02}") for i in range(60)]
    frame = rows(snap(events, View("2026-10", "feature")), {})
    assert len(frame) == 51
    assert frame["name"].iloc[-1] == "other"
    assert frame["requests"].sum() == 60
