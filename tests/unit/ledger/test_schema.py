from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ledger.generate import events
from tokenbudget.core.event import Event
from tokenbudget.core.money import from_pico
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.ledger import schema
from tokenbudget.ledger.schema import SCHEMA, to_frame

MONEY = {"cost_pico": "cost_usd", "list_cost_pico": "list_cost_usd"}
AT = datetime(2026, 10, 5, 12, tzinfo=UTC)


def event(**fields) -> Event:
    return Event(**{"id": "a", "occurred_at": AT, "provider": "openai", "model": "gpt-4o", **fields})


@settings(max_examples=40, deadline=None)
@given(st.lists(events(), max_size=8))
def test_every_field_arrives_as_it_was(made) -> None:
    rows = to_frame(made).to_dicts()
    for row, source in zip(rows, made, strict=True):
        for name in SCHEMA:
            expected = getattr(source.usage if name in TOKEN_FIELDS else source, name, None)
            assert row[name] == (expected if name not in MONEY else row[name]), name
        for name, field in MONEY.items():
            assert (None if row[name] is None else from_pico(row[name])) == getattr(source, field)
        assert {k.removeprefix("tag_"): v for k, v in row.items() if k.startswith("tag_") and v} == source.tags


def test_columns_and_types_are_the_schema_whatever_the_events() -> None:
    for made in ([], [event()], [event(tags={"b": "1", "a": "2"}, usage=Usage(input_tokens=1))]):
        frame = to_frame(made)
        assert dict(list(frame.schema.items())[: len(SCHEMA)]) == SCHEMA
        assert frame.columns[len(SCHEMA) :] == sorted(frame.columns[len(SCHEMA) :])


def test_unknown_is_null_and_never_zero() -> None:
    row = to_frame([event()]).row(0, named=True)
    assert (row["input_tokens"], row["output_tokens"], row["cost_pico"], row["latency_ms"]) == (None,) * 4
    assert row["cache_read_tokens"] == 0


def test_what_64_bits_do_not_hold_is_unknown() -> None:
    absurd = event(cost_usd=Decimal(10) ** 12, usage=Usage(input_tokens=2**70))
    row = to_frame([absurd, event(cost_usd=Decimal(1))])
    assert row["cost_pico"].to_list() == [None, 10**12]
    assert row["input_tokens"].to_list() == [None, None]


def test_microseconds_survive() -> None:
    instants = [AT + timedelta(microseconds=n * 7_777_777) for n in range(500)]
    assert to_frame([event(occurred_at=at) for at in instants])["occurred_at"].to_list() == instants


def test_instants_of_other_zones_become_utc() -> None:
    elsewhere = msgspec.json.decode(b'"2026-10-05T17:30:00+05:30"', type=datetime)
    assert to_frame([event(occurred_at=elsewhere)])["occurred_at"].to_list() == [AT]


def test_a_column_nobody_has_comes_as_nulls() -> None:
    frame = schema.select(to_frame([event()]).lazy(), ["model", "tag_feature", "project_id"]).collect()
    assert frame.rows() == [("gpt-4o", None, None)]
    assert frame.schema == {"model": pl.String, "tag_feature": pl.String, "project_id": pl.Int64}


def test_spans_are_half_open() -> None:
    made = [event(occurred_at=AT), event(occurred_at=AT + timedelta(hours=1))]
    frame = schema.within(to_frame(made).lazy(), AT, AT + timedelta(hours=1)).collect()
    assert frame["occurred_at"].to_list() == [AT]
