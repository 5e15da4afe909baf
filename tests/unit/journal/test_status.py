from datetime import UTC, datetime

import pytest

from tokenbudget.journal import Journal, JournalOptions, delivery_stats, list_segments, quarantine, status
from tokenbudget.journal.segments import cursor
from tokenbudget.journal.segments.record import frame


def test_an_untouched_home(tmp_path):
    found = status(tmp_path / "nowhere")
    assert (found.pending, found.kept, found.sealed, found.torn, found.last_ack) == (0, 0, 0, 0, None)


def test_what_is_where(tmp_path):
    sending = Journal(tmp_path, sends=lambda: True)
    keeping = Journal(tmp_path, sends=lambda: False)
    for number in range(5):
        sending.append(b'{"id":"s%d"}' % number)
        keeping.append(b'{"id":"k%d"}' % number)
    cursor.save(sending.live_segment(), 2 * len(frame(b'{"id":"s0"}')))
    with keeping.live_segment().open("ab") as file:
        file.write(b"corrupted\n")
    quarantine.set_aside(tmp_path, [quarantine.QuarantinedRecord("rejected", "no", "{}")])
    at = datetime(2026, 10, 5, tzinfo=UTC)
    delivery_stats.add(tmp_path, shipped=2, last_ack=at)
    delivery_stats.add(tmp_path, shipped=3, refused=1, last_error="down", last_error_at=at)
    found = status(tmp_path)
    assert (found.pending, found.kept, found.quarantined, found.torn, found.segments) == (3, 5, 1, 1, 2)
    assert (found.shipped, found.refused, found.last_ack, found.last_error) == (5, 1, at, "down")
    assert found.journal_bytes == sum(s.size for s in list_segments(tmp_path))


@pytest.mark.parametrize(("sends", "waiting"), [(True, (1, 0)), (False, (0, 1))])
def test_what_waits_in_memory(tmp_path, sends, waiting):
    (tmp_path / "home").write_text("in the way")
    journal = Journal(tmp_path / "home", sends=lambda: sends)
    journal.append(b'{"unpriced":"unknown_model"}')
    found = status(tmp_path / "home")
    assert (found.held, found.unpriced) == (1, 1)
    assert (found.pending, found.kept) == waiting
    assert "File exists" in found.problem
    assert ("until the server has them" in found.problem) == sends
    journal.release(journal.held())
    found = status(tmp_path / "home")
    assert (found.held, found.pending, found.kept) == (0, 0, 0)


def test_what_cannot_be_counted_on_disk_is_counted_in_memory(tmp_path):
    home = tmp_path / "home"
    home.write_text("in the way")
    journal = Journal(home, options=JournalOptions(memory_bytes=100))
    for _ in range(50):
        journal.append(b"{}")
    at = datetime(2026, 10, 5, tzinfo=UTC)
    delivery_stats.add(home, shipped=3, last_ack=at)
    journal.close()
    refused = journal.refused
    assert refused > 0
    found = status(home)
    assert (found.refused, found.shipped, found.last_ack) == (refused, 3, at)
    home.unlink()
    delivery_stats.add(home, shipped=2)
    (home / "journal").mkdir(parents=True)
    delivery_stats.add(home, shipped=1, last_error="caf\udce9")
    told = delivery_stats._written(home)
    assert (told.refused, told.shipped, told.last_ack, told.last_error) == (refused, 6, at, "caf\ufffd")
    assert delivery_stats.load(home) == told


def test_what_was_refused_is_counted_once(tmp_path):
    options = JournalOptions(segment_bytes=100, cap_bytes=200)
    journal = Journal(tmp_path, options=options, sends=lambda: True)
    for _ in range(50):
        journal.append(b"{}")
    assert status(tmp_path).refused == journal.refused > 0
    journal.close()
    assert status(tmp_path).refused == journal.refused == delivery_stats.load(tmp_path).refused


def test_a_cursor_of_another_file_is_not_trusted(tmp_path):
    segment = tmp_path / "1.send.seg"
    segment.write_bytes(b"short")
    for text, expected in ((b"3", 3), (b"6", 0), (b"-1", 0), (b"x", 0), (b"", 0)):
        (tmp_path / "1.send.seg.cursor").write_bytes(text)
        assert cursor.load(segment) == expected
    cursor.save(segment, 5)
    assert cursor.load(segment) == 5
    cursor.settle(segment)
    assert list(tmp_path.iterdir()) == []
    assert cursor.load(segment) == 0


def test_a_broken_tally_counts_from_zero(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "tally.json").write_text("{")
    delivery_stats.add(tmp_path, shipped=1)
    assert delivery_stats.load(tmp_path).shipped == 1
