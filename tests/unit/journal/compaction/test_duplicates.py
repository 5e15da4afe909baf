"""Of records with one id one counts: the first of those that know most."""

from datetime import UTC, datetime

import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7_from
from tokenbudget.core.usage import Usage
from tokenbudget.journal.compaction.duplicates import once
from tokenbudget.ledger.schema import to_frame

AT = 1_700_000_000_000
ID = uuid7_from("call", AT)


def record(made, model="first", billing="api", id_=ID):
    usage = Usage() if made is None else Usage(input_tokens=10, output_tokens=made)
    return Event(
        id=id_, occurred_at=datetime(2026, 10, 5, tzinfo=UTC), provider="p", model=model, usage=usage, billing=billing
    )


@pytest.mark.parametrize(
    ("records", "kept"),
    [
        ([record(5), record(9, "second")], "second"),
        ([record(9), record(5, "second")], "first"),
        ([record(5), record(5, "second")], "first"),
        ([record(None), record(0, "second")], "second"),
        ([record(5, billing="unknown"), record(5, "second", "subscription")], "second"),
        ([record(5, billing="subscription"), record(5, "second", "unknown")], "first"),
        ([record(5, billing="subscription"), record(6, "second", "unknown")], "second"),
    ],
)
def test_the_record_that_knows_most_counts(records, kept):
    other = record(5, "other", id_=uuid7_from("other", AT))
    found = once(to_frame([records[0], other, *records[1:]]))
    assert sorted(found["model"]) == sorted([kept, "other"])


def test_a_frame_without_duplicates_is_left_as_it_is():
    frame = to_frame([record(5)])
    assert once(frame) is frame
