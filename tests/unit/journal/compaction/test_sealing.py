import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tokenbudget.core.errors import JournalError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal, compact, list_segments, quarantine, read_chunk, read_snapshot, status
from tokenbudget.journal.compaction import manifest, sealing
from tokenbudget.journal.compaction.manifest import Manifest, SealedPart, ledger_dir
from tokenbudget.journal.locks import locked

DAY = datetime(2026, 10, 5, tzinfo=UTC)


def to_frame(events):
    return pl.DataFrame(
        {
            "id": [event.id for event in events],
            "occurred_at": pl.Series([event.occurred_at for event in events], dtype=pl.Datetime("us", "UTC")),
            **{f"tag_{key}": [event.tags[key] for event in events] for key in events[0].tags},
        }
    )


def write(home, count, segments=1, **tags):
    """Write `count` events into finished segments; return their ids."""
    journal = Journal(home, sends=lambda: False)
    ids = []
    for number in range(count):
        event = Event(id=uuid7(), occurred_at=DAY + timedelta(hours=number), provider="openai", model="m", tags=tags)
        journal.append(encode(event))
        ids.append(event.id)
        if (number + 1) * segments % count < segments:
            journal.rotate()
    journal.close()
    return ids


def ids_seen(home):
    seen = read_snapshot(home)
    from tokenbudget.core.event import decode

    sealed = [id_ for part in seen.parts for id_ in pl.read_parquet(part.path(home))["id"]]
    return sorted(sealed + [decode(record).id for tail in seen.tails for record in tail.records])


def compact_now(home):
    return compact(home, to_frame, min_bytes=0)


def test_sealed_events_leave_the_journal_and_stay_seen(tmp_path):
    ids = write(tmp_path, 20, segments=4)
    assert compact_now(tmp_path) == sealing.Compacted(4, 20)
    assert list_segments(tmp_path) == []
    assert ids_seen(tmp_path) == sorted(ids)
    part = read_snapshot(tmp_path).parts[0]
    assert (part.rows, part.first, part.last) == (20, DAY, DAY + timedelta(hours=19))
    assert status(tmp_path).sealed == 20


def test_live_segments_and_those_to_send_stay(tmp_path):
    journal = Journal(tmp_path, sends=lambda: False)
    journal.append(b'{"id":"live"}')
    sending = Journal(tmp_path, sends=lambda: True)
    sending.append(b'{"id":"to send"}')
    sending.close()
    assert compact_now(tmp_path) == sealing.Compacted()
    assert len(list_segments(tmp_path)) == 2


def test_little_is_not_worth_a_part(tmp_path):
    write(tmp_path, 3)
    assert compact(tmp_path, to_frame) == sealing.Compacted()
    assert compact(tmp_path, to_frame, min_segments=1).rows == 3


def test_small_parts_are_merged_and_tags_come_together(tmp_path):
    ids = write(tmp_path, 5, feature="a")
    compact_now(tmp_path)
    ids += write(tmp_path, 4, env="prod")
    compact_now(tmp_path)
    seen = read_snapshot(tmp_path)
    assert [part.rows for part in seen.parts] == [9]
    frame = pl.read_parquet(seen.parts[0].path(tmp_path))
    assert {"tag_feature", "tag_env"} <= set(frame.columns)
    assert frame["occurred_at"].is_sorted()
    assert ids_seen(tmp_path) == sorted(ids)


def test_many_compactions_make_few_parts(tmp_path):
    ids = []
    for _ in range(40):
        ids += write(tmp_path, 2)
        compact_now(tmp_path)
    assert len(read_snapshot(tmp_path).parts) <= 7
    assert ids_seen(tmp_path) == sorted(ids)


def test_replaced_parts_stay_for_readers_under_way(tmp_path, monkeypatch):
    write(tmp_path, 5)
    compact_now(tmp_path)
    before = read_snapshot(tmp_path).parts[0].path(tmp_path)
    write(tmp_path, 5)
    compact_now(tmp_path)
    assert before.exists()
    monkeypatch.setattr(sealing, "_GRACE", timedelta(0))
    write(tmp_path, 1)
    compact_now(tmp_path)
    assert not before.exists()


def test_unreadable_lines_are_set_aside(tmp_path):
    write(tmp_path, 3)
    path = list_segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data) + b"torn")
    journal = Journal(tmp_path, sends=lambda: False)
    journal.append(b'{"not":"an event"}')
    journal.close()
    assert compact_now(tmp_path).rows == 2
    assert [entry.kind for entry in quarantine.entries(tmp_path)] == ["damaged"] * 3
    assert status(tmp_path).torn == 3


def test_only_one_compacts(tmp_path):
    write(tmp_path, 3)
    ledger_dir(tmp_path).mkdir()
    with locked(ledger_dir(tmp_path) / "lock", 0.0):
        assert compact_now(tmp_path) == sealing.Compacted()
    assert compact_now(tmp_path).rows == 3


def test_a_reader_looks_again_when_a_compaction_came_between(tmp_path, monkeypatch):
    from tokenbudget.journal import snapshot

    ids = write(tmp_path, 6)
    tail = snapshot._tail

    def compact_first(segment, start):
        monkeypatch.setattr(snapshot, "_tail", tail)
        compact_now(tmp_path)
        return tail(segment, start)

    monkeypatch.setattr(snapshot, "_tail", compact_first)
    assert ids_seen(tmp_path) == sorted(ids)


def test_segments_that_cannot_be_deleted_are_not_sealed_twice(tmp_path, monkeypatch):
    ids = write(tmp_path, 6, segments=2)
    with monkeypatch.context() as patched:
        patched.setattr(sealing, "remove", lambda path: None)
        compact_now(tmp_path)
        ids += write(tmp_path, 3)
        compact_now(tmp_path)
    assert len(list_segments(tmp_path)) == 3
    assert ids_seen(tmp_path) == sorted(ids)
    compact_now(tmp_path)
    assert list_segments(tmp_path) == []
    assert ids_seen(tmp_path) == sorted(ids)


def test_a_manifest_that_cannot_be_read_is_not_guessed_at(tmp_path):
    ledger_dir(tmp_path).mkdir()
    (ledger_dir(tmp_path) / "manifest.json").write_text("{")
    with pytest.raises(JournalError, match=r"manifest\.json"):
        read_snapshot(tmp_path)


def test_a_manifest_is_what_was_committed(tmp_path):
    ledger_dir(tmp_path).mkdir()
    wanted = Manifest(4, (SealedPart("a.parquet", 1, DAY, DAY),), ("s",))
    assert manifest.commit(tmp_path, wanted).generation == 5
    assert manifest.load(tmp_path).parts == wanted.parts


@pytest.fixture
def killed_at(tmp_path):
    """Compact in a process that is killed as it comes to the given executed line; tells whether it came so far."""
    script = Path(__file__).with_name("compact_until_killed.py")
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:

        def run(line):
            print(line, file=nursery.stdin, flush=True)
            return nursery.stdout.readline() == "killed\n"

        yield run
        nursery.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_killed_at_any_line_no_event_is_lost_or_doubled(tmp_path, killed_at):
    ids, line, killed = write(tmp_path, 4, segments=2), 1, 0
    while killed_at(line):
        killed += 1
        assert ids_seen(tmp_path) == sorted(ids), f"killed at executed line {line}"
        if not list_segments(tmp_path, "keep"):
            ids += write(tmp_path, 2)
        line += 1
    assert ids_seen(tmp_path) == sorted(ids)
    assert killed > 80
    compact_now(tmp_path)
    files = {path.name for path in ledger_dir(tmp_path).glob("*.parquet")}
    kept = manifest.load(tmp_path)
    assert files == {part.file for part in kept.parts} | {old.file for old in kept.retired}


def test_a_piece_at_a_time(tmp_path):
    ids = write(tmp_path, 12, segments=4)
    size = list_segments(tmp_path)[0].size
    sealed = []
    while (done := compact(tmp_path, to_frame, min_bytes=0, most_bytes=2 * size)).segments:
        sealed.append(done.segments)
        assert ids_seen(tmp_path) == sorted(ids)
    assert len(sealed) > 1
    assert sum(sealed) == 4


def test_events_are_objects_a_piece_of_a_segment_at_a_time(tmp_path, monkeypatch):
    ids = write(tmp_path, 10)
    monkeypatch.setattr(sealing, "read_chunk", lambda path, start, **how: read_chunk(path, start, lines=3, **how))
    sizes = []
    compact(tmp_path, lambda events: sizes.append(len(events)) or to_frame(events), min_bytes=0)
    assert sizes == [3, 3, 3, 1]
    assert ids_seen(tmp_path) == sorted(ids)
