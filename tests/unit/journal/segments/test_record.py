import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.journal.segments.record import frame, intact, parse

RECORDS = [b'{"id":"%d","model":"m"}' % n for n in range(5)]
WHOLE = b"".join(map(frame, RECORDS))
json_like = st.binary(max_size=80).map(lambda b: b'{"x":"' + b.replace(b"\n", b" ") + b'"}')


@given(st.lists(json_like, max_size=20))
def test_what_was_framed_is_parsed(records):
    parsed = parse(b"".join(map(frame, records)))
    assert parsed.records == records
    assert parsed.damaged == []


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_flipped_byte_costs_at_most_the_record_it_hits(position, flip):
    data = bytearray(WHOLE)
    data[position] ^= flip
    parsed = parse(bytes(data))
    hit = WHOLE[:position].count(b"\n")
    survivors = [record for n, record in enumerate(RECORDS) if n != hit]
    assert [r for r in parsed.records if r != RECORDS[hit]] == survivors
    assert set(parsed.records) <= set(RECORDS)
    assert RECORDS[hit] in parsed.records or parsed.damaged


@given(st.integers(0, len(WHOLE)))
def test_a_torn_tail_costs_only_the_torn_record(length):
    parsed = parse(WHOLE[:length])
    whole = [r for n, r in enumerate(RECORDS) if len(b"".join(map(frame, RECORDS[: n + 1]))) - 1 <= length]
    assert parsed.records == whole


@pytest.mark.parametrize(
    ("data", "records", "damaged"),
    [
        (b"", [], 0),
        (b"\n\n", [], 0),
        (b"\0" * 50 + frame(b'{"a":1}'), [b'{"a":1}'], 1),  # What a power cut may leave of unwritten blocks.
        (frame(b'{"a":1}')[:12] + frame(b'{"b":2}'), [b'{"b":2}'], 1),  # A write cut short by a full disk.
        (frame(b'{"a":1}')[:-1] + b"X" + frame(b'{"b":2}'), [b'{"a":1}', b'{"b":2}'], 0),  # Only a newline lost.
        (frame(b'{"a":1}')[:-1] + frame(b'{"b":2}'), [b'{"a":1}', b'{"b":2}'], 0),
        (frame(b'{"a":"deadbeef {"}'), [b'{"a":"deadbeef {"}'], 0),
    ],
)
def test_records_are_salvaged_from_damaged_lines(data, records, damaged):
    parsed = parse(data)
    assert parsed.records == records
    assert len(parsed.damaged) == damaged


def test_intact():
    line = frame(b'{"a":1}')[:-1]
    assert intact(line)
    assert not intact(line[:-1])
    assert not intact(b"not hex!")
