import multiprocessing
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from tokenbudget import config
from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Compactor, JournalOptions, list_segments, read_snapshot
from tokenbudget.journal.compaction import background_compactor
from tokenbudget.ledger.local import LocalSource
from tokenbudget.recording import recorder


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def finished(made: Compactor) -> bool:
    return until(lambda: not made._thread.is_alive())


def test_pieces_are_sealed_until_there_are_none_and_not_on_the_callers_thread() -> None:
    left, threads = [True, True, False], []
    made = Compactor(lambda: threads.append(threading.current_thread()) or left.pop(0))
    made.wake()
    assert finished(made)
    assert left == []
    assert set(threads) == {made._thread}


def test_it_runs_again_when_woken_again_but_never_twice_at_once() -> None:
    go, calls = threading.Event(), []
    made = Compactor(lambda: calls.append(1) or not go.wait(30))
    made.wake()
    made.wake()
    assert calls == [1]
    go.set()
    assert finished(made)
    made.wake()
    assert finished(made)
    assert calls == [1, 1]


def test_without_polars_nothing_happens(monkeypatch) -> None:
    monkeypatch.setattr(background_compactor, "find_spec", lambda name: None)
    made = Compactor(lambda: pytest.fail("sealed"))
    made.wake()
    assert made._thread is None


def test_what_goes_wrong_stays_inside(monkeypatch) -> None:
    swallowed = []
    monkeypatch.setattr(background_compactor.internal_errors, "swallow", lambda *told: swallowed.append(told))
    made = Compactor(lambda: 1 / 0)
    made.wake()
    assert finished(made)
    assert [type(error) for _, error in swallowed] == [ZeroDivisionError]


def test_closed_it_stops_between_pieces_and_does_not_start_again() -> None:
    pieces = []
    made = Compactor(lambda: pieces.append(time.sleep(0.05)) or True)
    made.wake()
    until(lambda: pieces)
    made.close(10)
    assert not made._thread.is_alive()
    count = len(pieces)
    made.wake()
    assert len(pieces) == count


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_a_polars_that_its_parent_has_used_alone() -> None:
    assert "polars" in sys.modules
    made = Compactor(lambda: False)
    fork = multiprocessing.get_context("fork")
    answer = fork.SimpleQueue()
    child = fork.Process(target=lambda: (made.wake(), answer.put(made._thread is None)))
    child.start()
    child.join(30)
    assert answer.get() is True


def test_a_program_that_records_much_finds_it_sealed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "tokenbudget.journal.writing.writer.JournalOptions", lambda: JournalOptions(segment_bytes=1 << 20)
    )
    monkeypatch.setattr("tokenbudget.journal.writing.writer._CHECK_SECONDS", 0.0)
    config.configure(home=tmp_path, url="")
    try:
        for _ in range(9_000):
            event = Event(id=uuid7(), occurred_at=datetime.now(UTC), provider="openai", model="gpt-4o")
            recorder.record(event)
        assert until(lambda: len(list_segments(tmp_path, "keep")) <= 2)
        seen = read_snapshot(tmp_path)
        assert sum(part.rows for part in seen.parts) + sum(len(tail.records) for tail in seen.tails) == 9_000
        everything = LocalSource(tmp_path).scan(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        assert everything.collect()["id"].n_unique() == 9_000
    finally:
        config.reset()
