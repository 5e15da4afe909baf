import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import polars as pl
import pytest

from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7, uuid7_from
from tokenbudget.journal import Journal, compact, journal_dir, snapshot
from tokenbudget.journal.compaction.duplicates import sealed_among
from tokenbudget.journal.compaction.manifest import commit, load
from tokenbudget.journal.writing import writer
from tokenbudget.ledger import local
from tokenbudget.ledger.local import LocalSource, local_source
from tokenbudget.ledger.schema import to_frame

AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
DAY = AT, AT + timedelta(days=1)


def event(minute: int = 0, **fields) -> Event:
    at = AT + timedelta(minutes=minute)
    return Event(id=uuid7(), occurred_at=at, provider="openai", model="gpt-4o", cost_usd=Decimal(1), **fields)


def ids(source: LocalSource) -> list[str]:
    return source.scan(*DAY).collect()["id"].to_list()


def segments(home, *groups: list[Event]) -> None:
    """Write each group of events into a finished segment of its own."""
    for group in groups:
        journal = Journal(home)
        for made in group:
            journal.append(encode(made))
        journal.close()


def test_a_home_without_a_journal_has_no_events(tmp_path) -> None:
    assert ids(LocalSource(tmp_path / "none")) == []


def test_a_call_just_journaled_is_seen_and_parsed_once(tmp_path, monkeypatch) -> None:
    parsed = []
    monkeypatch.setattr(local.schema, "to_frame", lambda made: parsed.extend(made) or to_frame(made))
    journal, source, made = Journal(tmp_path), LocalSource(tmp_path), [event(n) for n in range(3)]
    for number, one in enumerate(made, start=1):
        journal.append(encode(one))
        assert ids(source) == [other.id for other in made[:number]]
    assert len(parsed) == 3


def test_only_the_span_asked_for(tmp_path) -> None:
    segments(tmp_path, [event(0), event(60 * 24)])
    assert len(ids(LocalSource(tmp_path))) == 1


def test_sealed_and_open_events_are_read_as_one(tmp_path) -> None:
    sealed = [event(n, tags={"old": "x"}) for n in range(5)]
    segments(tmp_path, sealed[:3], sealed[3:])
    assert compact(tmp_path, to_frame, min_bytes=0, min_segments=1).rows == 5
    fresh = event(9, tags={"new": "y"})
    segments(tmp_path, [fresh])
    frame = LocalSource(tmp_path).scan(*DAY).collect()
    assert sorted(frame["id"]) == sorted(one.id for one in (*sealed, fresh))
    assert sorted(frame["tag_old"].drop_nulls()) == ["x"] * 5
    assert frame["tag_new"].drop_nulls().to_list() == ["y"]


def test_sealing_between_two_questions_neither_loses_nor_doubles(tmp_path) -> None:
    made = [[event(n)] for n in range(4)]
    segments(tmp_path, *made)
    source = LocalSource(tmp_path)
    before = sorted(ids(source))
    compact(tmp_path, to_frame, min_bytes=0, min_segments=1)
    assert sorted(ids(source)) == before == sorted(group[0].id for group in made)


def test_a_question_seals_what_is_finished(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(local, "compact", lambda home, frame, **_: compact(home, frame, min_bytes=0, min_segments=1))
    segments(tmp_path, [event()])
    assert len(ids(LocalSource(tmp_path))) == 1
    assert list(journal_dir(tmp_path).glob("*.seg")) == []


def test_answers_come_though_nothing_can_be_sealed(tmp_path, monkeypatch, caplog) -> None:
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "compact", full)
    segments(tmp_path, [event()])
    assert len(ids(LocalSource(tmp_path))) == 1
    assert "No space left" in caplog.text


def test_a_record_that_is_no_event_costs_only_itself(tmp_path, caplog) -> None:
    journal = Journal(tmp_path)
    for record in (encode(event()), b'{"id":1}', encode(event())):
        journal.append(record)
    assert len(ids(LocalSource(tmp_path))) == 2
    assert "is no event" in caplog.text


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batches_are_put_together_in_order(tmp_path, monkeypatch, batch) -> None:
    monkeypatch.setattr(local, "_BATCH", batch)
    made = [event(n, tags={f"k{n}": "v"}) for n in range(5)]
    journal = Journal(tmp_path)
    for one in made:
        journal.append(encode(one))
    assert ids(LocalSource(tmp_path)) == [one.id for one in made]


def now_sealed(home) -> None:
    compact(home, to_frame, min_bytes=0, min_segments=1)


def nothing(home) -> None:
    pass


@pytest.mark.parametrize("between", [nothing, now_sealed])
@pytest.mark.parametrize("after", [nothing, now_sealed])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("minutes", [0, 1, -60 * 24 * 100])
def test_an_id_counts_once_whatever_its_time(tmp_path, between, after, together, minutes) -> None:
    first, other, last = event(), event(1), event(2)
    again = msgspec.structs.replace(first, occurred_at=AT + timedelta(minutes=minutes), model="another")
    source = LocalSource(tmp_path)
    if together:
        segments(tmp_path, [first, again, other], [again, last])
    else:
        segments(tmp_path, [first, other])
        assert len(ids(source)) == 2
        between(tmp_path)
        assert len(ids(source)) == 2
        segments(tmp_path, [again], [last, again])
    for _ in range(2):
        for reader in (source, LocalSource(tmp_path)):
            frame = reader.scan(*DAY).sort("occurred_at").collect()
            assert frame["id"].to_list() == [first.id, other.id, last.id]
            assert frame["model"].to_list() == ["gpt-4o"] * 3
            assert reader.scan(AT - timedelta(days=200), DAY[1]).collect().height == 3
        after(tmp_path)


def test_parts_of_an_earlier_version_are_looked_through(tmp_path) -> None:
    first, other = event(), event(1)
    segments(tmp_path, [first, other])
    now_sealed(tmp_path)
    sealed = load(tmp_path)
    assert sealed.parts[0].ids == (min(first.id, other.id), max(first.id, other.id))
    commit(tmp_path, msgspec.structs.replace(sealed, parts=(msgspec.structs.replace(sealed.parts[0], ids=None),)))
    assert b'"ids"' not in (tmp_path / "ledger" / "manifest.json").read_bytes()
    segments(tmp_path, [other])
    assert len(ids(LocalSource(tmp_path))) == 2
    now_sealed(tmp_path)
    assert [part.rows for part in load(tmp_path).parts] == [2]
    assert len(ids(LocalSource(tmp_path))) == 2


def test_parts_that_hold_none_of_the_new_ids_are_not_read(tmp_path, monkeypatch) -> None:
    segments(tmp_path, [event(), event(1)])
    now_sealed(tmp_path)
    (part,) = load(tmp_path).parts
    part.path(tmp_path).unlink()
    fresh = pl.Series([uuid7_from("later", 2_000_000_000_000)])
    assert sealed_among(tmp_path, [part], fresh).is_empty()
    with pytest.raises(FileNotFoundError):
        sealed_among(tmp_path, [part], pl.Series([part.ids[0]]))


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """Return a home that cannot be written for as long as a file is in its way."""
    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.0)
    (tmp_path / "home").write_text("in the way")
    return tmp_path / "home"


def test_what_waits_in_memory_is_seen_and_parsed_once(blocked, monkeypatch) -> None:
    parsed = []
    monkeypatch.setattr(local.schema, "to_frame", lambda made: parsed.extend(made) or to_frame(made))
    journal, source, made = Journal(blocked), LocalSource(blocked), [event(n) for n in range(3)]
    for one in made[:2]:
        journal.append(encode(one))
    for _ in range(2):
        assert ids(source) == [one.id for one in made[:2]]
    assert len(parsed) == 2
    blocked.unlink()
    journal.append(encode(made[2]))
    assert journal.held() == []
    assert ids(source) == [one.id for one in made]


def test_what_is_written_out_meanwhile_is_seen_once(blocked, monkeypatch) -> None:
    journal, source, made = Journal(blocked), LocalSource(blocked), [event(n) for n in range(3)]
    for one in made:
        journal.append(encode(one))

    def late(home):
        blocked.unlink()  # The disk can be written again just between the look at memory and that at the segments.
        monkeypatch.undo()
        journal.write_out()
        return snapshot.load(home)

    monkeypatch.setattr(snapshot, "load", late)
    assert ids(source) == [one.id for one in made]
    assert journal.held() == []
    assert ids(source) == [one.id for one in made]


def test_threads_record_and_ask_while_the_disk_comes_and_goes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.0)
    create, broken = writer.create, threading.Event()

    def fragile(*arguments):
        if broken.is_set():
            raise OSError(30, "Read-only file system")
        return create(*arguments)

    monkeypatch.setattr(writer, "create", fragile)
    journal, source, made = Journal(tmp_path), LocalSource(tmp_path), [event() for _ in range(900)]
    recorded = []

    def record(mine):
        for number, one in enumerate(mine):
            journal.append(encode(one))
            recorded.append(one.id)
            if number % 20 == 0:
                (broken.clear if broken.is_set() else broken.set)()
                journal.rotate()

    threads = [threading.Thread(target=record, args=(made[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        before = set(recorded)
        found = ids(source)
        assert len(found) == len(set(found))
        assert before <= set(found)
    for thread in threads:
        thread.join()
    assert sorted(ids(source)) == sorted(one.id for one in made)
    broken.clear()
    journal.close()
    assert sorted(ids(source)) == sorted(one.id for one in made)


def test_a_home_of_somebody_else_is_as_good_as_empty(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(snapshot, "is_out_of_reach", lambda path: True)
    (tmp_path / "home").write_text("in the way")
    journal, one = Journal(tmp_path / "home"), event()
    journal.append(encode(one))
    assert ids(LocalSource(tmp_path / "home")) == [one.id]


def test_one_reader_per_home(tmp_path) -> None:
    assert local_source(tmp_path) is local_source(tmp_path)
    assert local_source(tmp_path) is not local_source(tmp_path / "other")
