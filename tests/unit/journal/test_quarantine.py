import pytest

from tokenbudget.core.errors import JournalError
from tokenbudget.journal import list_segments, quarantine, read_lines
from tokenbudget.journal.quarantine import QuarantinedRecord, damaged, entries, retry, set_aside


def rejected(number):
    return QuarantinedRecord("rejected", "is in the future", f'{{"id":"{number}"}}', "occurred_at", 202)


def test_entries_come_back_with_their_reason(tmp_path):
    set_aside(tmp_path, [rejected(1)])
    set_aside(tmp_path, [rejected(1), *damaged([b"\xff torn"])])
    first, second = entries(tmp_path)
    assert (first.reason, first.field, first.status, first.record) == (
        "is in the future",
        "occurred_at",
        202,
        '{"id":"1"}',
    )
    assert first.at.tzinfo is not None
    assert (second.kind, second.record.encode("latin-1")) == ("damaged", b"\xff torn")


def test_an_empty_quarantine(tmp_path):
    assert entries(tmp_path) == []
    assert retry(tmp_path) == 0
    set_aside(tmp_path, [])
    assert not (tmp_path / "quarantine").exists()


def test_rejected_events_are_put_back_to_be_sent(tmp_path):
    set_aside(tmp_path, [rejected(1), *damaged([b"torn"]), rejected(2)])
    assert retry(tmp_path) == 2
    assert list(read_lines(tmp_path)) == [b'{"id":"1"}', b'{"id":"2"}']
    assert [s.kind for s in list_segments(tmp_path)] == ["send"]
    assert [entry.kind for entry in entries(tmp_path)] == ["damaged"]


def test_nothing_leaves_the_quarantine_when_the_journal_cannot_be_written(tmp_path):
    set_aside(tmp_path, [rejected(1)])
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(JournalError, match="cannot write events"):
        retry(tmp_path)
    assert entries(tmp_path)[0].record == rejected(1).record


def test_a_quarantine_in_use_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "_LOCK_SECONDS", 0.0)
    set_aside(tmp_path, [rejected(1)])
    with quarantine.locked(tmp_path / "quarantine" / "lock", 0.0), pytest.raises(JournalError, match="another process"):
        set_aside(tmp_path, [rejected(2)])
