"""What an event leaves behind in its row."""

import struct
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget_server.store.rows import EVENT_COLUMNS, KIND_COLUMNS, USAGE_COLUMNS, packed, to_row

REST = next(place for place, column in enumerate(EVENT_COLUMNS) if column.name == "usage_rest")


def row(**fields):
    known = {"id": uuid7(), "occurred_at": datetime(2026, 11, 1, tzinfo=UTC), "provider": "openai", "model": "m"}
    return to_row(Event(**(known | fields)), None, 7)


@pytest.mark.parametrize(
    "stated",
    [
        {"reported_cost_usd": Decimal(0)},  # A bill of nothing is a bill.
        {"tools": {"web_search": 1}},
        {"units": {"seconds": Decimal("12.5")}},
        *({name: 1} for name in TOKEN_FIELDS if name not in USAGE_COLUMNS),
    ],
)
def test_what_has_no_column_is_kept_in_the_rest(stated):
    rest = row(usage=Usage(input_tokens=10, output_tokens=5, **stated))[REST]
    assert msgspec.json.decode(rest, type=Usage) == Usage(**stated)


def test_usage_that_has_columns_leaves_no_rest():
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=3, cache_write_tokens=2, reasoning_tokens=1)
    assert row(usage=usage)[REST] is None


def test_events_of_one_kind_are_sent_with_one_description():
    rows = [row(model=model, batch=model == "c") for model in "abacaba"]
    sent = packed(rows)
    assert sent["kind"].values == [0, 1, 0, 2, 0, 1, 0]
    assert list(sent["model"].values) == ["a", "b", "c"]
    assert list(sent["batch"].values) == [False, False, True]
    assert {column.name for column in EVENT_COLUMNS + KIND_COLUMNS} == sent.keys() - {"kind"}
    assert struct.unpack(">i", sent["kind"].packed()[12:16]) == (7,)
