import pytest

from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal, JournalOptions, list_segments, read, read_chunk, read_lines, read_snapshot
from tokenbudget.journal.segments.record import frame

RECORDS = [b'{"id":"%d"}' % n for n in range(10)]


@pytest.fixture
def segment(tmp_path):
    path = tmp_path / "1.keep.seg"
    path.write_bytes(b"".join(map(frame, RECORDS)))
    return path


@pytest.mark.parametrize("limit", [1, 30, 10_000])
@pytest.mark.parametrize("lines", [-1, 1, 3, 100])
def test_chunks_cover_a_segment(segment, limit, lines):
    found, start = [], 0
    while (chunk := read_chunk(segment, start, limit, lines=lines)).end > start:
        assert chunk.start == start
        assert lines < 0 or len(chunk.records) <= lines
        found += chunk.records
        start = chunk.end
    assert found == RECORDS
    assert start == segment.stat().st_size


def test_a_record_being_written_is_left_for_the_next_look(segment):
    size = segment.stat().st_size
    with segment.open("ab") as file:
        file.write(frame(b'{"id":"x"}')[:12])
    chunk = read_chunk(segment)
    assert (chunk.end, chunk.damaged) == (size, [])
    finished = read_chunk(segment, finished=True)
    assert (finished.end, len(finished.damaged)) == (segment.stat().st_size, 1)
    assert finished.records == RECORDS


def test_a_last_newline_may_be_missing(segment):
    segment.write_bytes(segment.read_bytes()[:-1])
    chunk = read_chunk(segment)
    assert (chunk.records, chunk.end) == (RECORDS, segment.stat().st_size)


def test_events_of_all_segments_are_read(tmp_path):
    from datetime import UTC, datetime

    events = [
        Event(id=uuid7(), occurred_at=datetime(2026, 10, n, tzinfo=UTC), provider="openai", model="m")
        for n in range(1, 10)
    ]
    for sends in (True, False):
        journal = Journal(tmp_path, options=JournalOptions(segment_bytes=300), sends=lambda sends=sends: sends)
        for event in events[:4] if sends else events[4:]:
            journal.append(encode(event))
    assert list(read(tmp_path)) == events


def test_no_journal_no_events(tmp_path):
    assert list(read_lines(tmp_path / "nowhere")) == []
    assert list_segments(tmp_path / "nowhere") == []
    assert read_snapshot(tmp_path / "nowhere").tails == ()


def test_a_later_look_reads_only_what_is_new(tmp_path):
    journal = Journal(tmp_path)
    journal.append(RECORDS[0])
    first = read_snapshot(tmp_path)
    journal.append(RECORDS[1])
    journal.rotate()
    journal.append(RECORDS[2])
    second = read_snapshot(tmp_path, {tail.segment: tail.end for tail in first.tails})
    assert [tail.records for tail in first.tails] == [[RECORDS[0]]]
    assert [tail.records for tail in second.tails] == [[RECORDS[1]], [RECORDS[2]]]
