from datetime import UTC, datetime
from decimal import Decimal

from tokenbudget.core import event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Pass, Usage


def test_an_event_survives_the_wire_exactly() -> None:
    original = event.Event(
        id=uuid7(),
        occurred_at=datetime(2026, 10, 5, 12, 0, 0, 123456, tzinfo=UTC),
        provider="anthropic",
        model="claude-sonnet-4-6",
        usage=Usage(
            input_tokens=5,
            output_tokens=7,
            units={"seconds": Decimal("12.34")},
            tools={"web_search": 2},
            passes=(Pass(model="claude-opus-4-7", usage=Usage(input_tokens=1, output_tokens=2)),),
            reported_cost_usd=Decimal("0.0001399"),
        ),
        cost_usd=Decimal("0.00000002"),
        tags={"feature": "größe"},
        metadata={"n": 1, "ok": True, "x": None},
    )
    assert event.decode(event.encode(original)) == original


def test_a_minimal_event_needs_four_fields() -> None:
    body = b'{"id":"x","occurred_at":"2026-10-05T12:00:00Z","provider":"openai","model":"gpt-4o","cost_usd":2e-8}'
    decoded = event.decode(body)
    assert decoded.cost_usd == Decimal("0.00000002")
    assert decoded.usage.input_tokens is None
