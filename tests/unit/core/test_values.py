"""Money, ids, names and the event's wire form."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core import event, money, query
from tokenbudget.core.errors import QueryError
from tokenbudget.core.ids import uuid7, uuid7_unix_ms
from tokenbudget.core.usage import Pass, Usage

amounts = st.decimals(0, 10**7, places=12)


@given(amounts)
def test_dollars_survive_picodollars_to_the_last_digit(amount: Decimal) -> None:
    assert money.from_pico(money.to_pico(amount)) == amount == money.quantize(amount)


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_written_without_an_exponent_where_they_are_whole(pico: int) -> None:
    amount = money.from_pico(pico)
    assert money.to_pico(amount) == pico
    assert amount.as_tuple().exponent <= 0


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [uuid7() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    stamps = [uuid7_unix_ms(i) for i in ids]
    assert stamps == sorted(stamps)
    assert abs(stamps[-1] / 1000 - datetime.now(UTC).timestamp()) < 60
    assert {i[14] for i in ids} == {"7"}
    assert {i[19] for i in ids} <= set("89ab")


@pytest.mark.parametrize("name", ["", "a b", "tag.", "x" * 65, "né"])
def test_what_cannot_be_a_dimension_is_refused(name: str) -> None:
    with pytest.raises(QueryError):
        query.column(name)


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
