import errno
import logging
import os
import shutil
import signal
import threading
import time

import pytest

from tokenbudget import config
from tokenbudget.journal import Journal, JournalOptions, list_segments, read_lines
from tokenbudget.journal.segments.record import frame
from tokenbudget.journal.segments.segment import adopted, close_inherited, create
from tokenbudget.journal.writing import writer as writer_module

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def record(number):
    return b'{"id":"%d"}' % number


def ids(home):
    return sorted(int(line[7:-2]) for line in read_lines(home))


def becomes_free(path):
    """Return whether the segment's lock is let go of, in the time a child needs to come to itself."""
    for _ in range(500):
        with adopted(path) as ours:
            if ours:
                return True
        time.sleep(0.01)
    return False


@pytest.fixture
def at_once(monkeypatch):
    """Retries and checks without waiting."""
    monkeypatch.setattr(writer_module, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(writer_module, "_CHECK_SECONDS", -1.0)


def test_a_record_is_in_the_file_when_append_returns(tmp_path):
    journal = Journal(tmp_path)
    for number in range(100):
        journal.append(record(number))
        assert ids(tmp_path) == list(range(number + 1))


def test_nothing_is_made_before_the_first_record(tmp_path):
    Journal(tmp_path / "home").close()
    assert not (tmp_path / "home").exists()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_only_the_user_may_read(tmp_path):
    home = tmp_path / "home"
    journal = Journal(home)
    journal.append(record(1))
    assert [p.stat().st_mode & 0o777 for p in (home, home / "journal", journal.live_segment())] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize(
    "options", [JournalOptions(segment_bytes=200), JournalOptions(segment_seconds=-1.0)], ids=["full", "old"]
)
def test_segments_rotate(tmp_path, at_once, options):
    journal = Journal(tmp_path, options=options)
    for number in range(50):
        journal.append(record(number))
    assert len(list_segments(tmp_path)) > 4
    assert ids(tmp_path) == list(range(50))


def test_threads_lose_nothing_while_segments_rotate(tmp_path, at_once):
    journal = Journal(tmp_path, options=JournalOptions(segment_bytes=2_000))

    def work(start):
        for number in range(start, start + 1_000):
            journal.append(record(number))

    threads = [threading.Thread(target=work, args=(n * 1_000,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(tmp_path) == list(range(6_000))


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_signal_handler_may_append_in_the_middle_of_an_append(tmp_path, at_once):
    journal = Journal(tmp_path, options=JournalOptions(segment_bytes=500))
    handled, done, idle = [], threading.Event(), threading.Event()

    def handle(*arguments):
        journal.append(record(100_000 + len(handled)))
        handled.append(True)
        idle.set()

    def disturb():
        while not done.is_set():
            idle.clear()
            os.kill(os.getpid(), signal.SIGUSR1)
            idle.wait(1)  # One at a time: on a busy machine they would pile up.

    before = signal.signal(signal.SIGUSR1, handle)
    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        for number in range(5_000):
            journal.append(record(number))
    finally:
        done.set()
        disturber.join()
        signal.signal(signal.SIGUSR1, before)
    assert len(handled) > 10
    assert ids(tmp_path) == [*range(5_000), *range(100_000, 100_000 + len(handled))]


@needs_fork
def test_a_child_writes_its_own_segment_and_holds_none_of_the_parents(tmp_path):
    journal = Journal(tmp_path)
    journal.append(record(0))
    parents = journal.live_segment()
    child = os.fork()
    if not child:
        journal.append(record(1))
        os._exit(0 if journal.live_segment() != parents else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    journal.append(record(2))
    assert ids(tmp_path) == [0, 1, 2]
    assert len(list_segments(tmp_path)) == 2


@needs_fork
def test_a_living_child_does_not_keep_the_parents_segment_locked(tmp_path):
    reader, writer = os.pipe()
    parent = os.fork()
    if not parent:
        journal = Journal(tmp_path)
        journal.append(record(0))
        if not os.fork():
            os.read(reader, 1)  # Lives until the test is done.
            os._exit(0)
        os._exit(0)
    os.waitpid(parent, 0)
    try:
        assert becomes_free(list_segments(tmp_path)[0].path)
    finally:
        os.write(writer, b"x")


@needs_fork
def test_a_living_child_does_not_keep_an_adopted_segment_locked(tmp_path):
    dead = Journal(tmp_path)
    dead.append(record(0))
    dead.close()
    path = list_segments(tmp_path)[0].path
    reader, writer = os.pipe()
    parent = os.fork()
    if not parent:
        with adopted(path) as ours:
            if not os.fork():
                os.read(reader, 1)  # Lives until the test is done.
            os._exit(0 if ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1]) == 0
    try:
        assert becomes_free(path)
    finally:
        os.write(writer, b"x")


@needs_fork
def test_a_child_does_not_write_what_the_parent_holds_in_memory(tmp_path):
    blocked = tmp_path / "home"
    blocked.write_text("a file where the directory should be")
    journal = Journal(blocked)
    journal.append(record(0))
    child = os.fork()
    if not child:
        os._exit(len(journal.held()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert journal.held() == [record(0)]


def test_the_lock_is_the_writers_until_it_moves_on(tmp_path):
    journal = Journal(tmp_path)
    journal.append(record(0))
    path = journal.live_segment()
    with adopted(path) as ours:
        assert not ours
    journal.rotate()
    with adopted(path) as ours:
        assert ours


def test_a_new_segment_taken_by_an_adopter_before_its_lock_is_left_alone(tmp_path, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr("tokenbudget.journal.segments.segment.try_lock", lambda fd: next(answers))
    first = create(tmp_path, "keep", 100, 10.0)
    assert len(list_segments(tmp_path)) == 2
    assert first.path.exists()


def test_closing_leaves_no_empty_segment(tmp_path):
    journal = Journal(tmp_path)
    journal.append(record(0))
    journal.close()
    create(tmp_path, "keep", 100, 10.0).close()
    assert ids(tmp_path) == [0]
    journal.append(record(1))
    journal.close()
    assert ids(tmp_path) == [0, 1]


def test_without_a_home_events_wait_in_memory_and_are_written_later(tmp_path, at_once, caplog):
    home = tmp_path / "home"
    home.write_text("in the way")
    journal = Journal(home)
    for number in range(10):
        journal.append(record(number))
    assert journal.held() == [record(n) for n in range(10)]
    assert len(caplog.records) == 1
    assert "wait in memory and are lost" in caplog.text
    assert "TOKENBUDGET_HOME=/" in caplog.text
    assert journal.problem
    home.unlink()
    journal.append(record(10))
    assert ids(home) == list(range(11))
    assert journal.held() == []
    assert journal.problem is None


def test_what_waits_in_memory_is_taken_over_by_another_journal(tmp_path, at_once):
    (tmp_path / "blocked").write_text("in the way")
    first = Journal(tmp_path / "blocked")
    for number in range(3):
        first.append(record(number))
    second = Journal(tmp_path / "blocked", options=JournalOptions(memory_bytes=len(frame(record(0))) * 4))
    second.append(record(3))
    second.take_over(first)
    assert (first.held(), len(second.held()), second.refused) == ([], 4, 0)
    third = Journal(tmp_path / "free")
    third.append(record(4))
    third.take_over(second)
    assert (second.held(), third.held()) == ([], [])
    assert ids(tmp_path / "free") == list(range(5))


def test_memory_is_bounded_and_what_is_refused_is_counted(tmp_path, at_once, caplog):
    home = tmp_path / "home"
    home.write_text("in the way")
    journal = Journal(home, options=JournalOptions(memory_bytes=1_000))
    for number in range(100):
        journal.append(record(number))
    assert journal.refused == 100 - len(journal.held())
    assert journal.held()[0] == record(0)  # Nothing old was dropped.
    assert sum("refused" in r.message for r in caplog.records) == 1


def test_past_the_cap_new_events_are_refused_and_nothing_old_is_dropped(tmp_path, at_once, caplog):
    options = JournalOptions(segment_bytes=200, cap_bytes=2_000)
    journal = Journal(tmp_path, options=options, sends=lambda: True)
    for number in range(500):
        journal.append(record(number))
    written = ids(tmp_path)
    assert written == list(range(len(written)))
    assert journal.refused == 500 - len(written) > 0
    assert sum("refused" in r.message for r in caplog.records) == 1
    for segment in list_segments(tmp_path):
        segment.path.unlink()  # Shipped.
    journal.append(record(500))
    assert ids(tmp_path) == [500]


def test_the_cap_is_for_what_waits_to_be_sent(tmp_path, at_once):
    journal = Journal(tmp_path, options=JournalOptions(segment_bytes=200, cap_bytes=1_000), sends=lambda: False)
    for number in range(300):
        journal.append(record(number))
    assert ids(tmp_path) == list(range(300))


def test_a_deleted_directory_costs_nothing_written_since(tmp_path, at_once, monkeypatch):
    journal = Journal(tmp_path)
    journal.append(record(0))
    journal.append(record(1))  # Seen on disk by the check.
    monkeypatch.setattr(writer_module, "_CHECK_SECONDS", 3600.0)
    journal.append(record(2))
    shutil.rmtree(tmp_path / "journal")
    for number in range(3, 6):
        journal.append(record(number))
    journal.close()
    assert ids(tmp_path) == [3, 4, 5]


def test_what_a_deleted_directory_held_is_written_at_once(tmp_path, at_once):
    journal = Journal(tmp_path)
    journal.append(record(0))
    journal.append(record(1))
    shutil.rmtree(tmp_path / "journal")
    journal.append(record(2))
    assert ids(tmp_path) == [2]


@pytest.mark.parametrize("written", [0, 5, 20])
def test_a_write_cut_short_is_repeated_whole(tmp_path, at_once, monkeypatch, written):
    journal = Journal(tmp_path)
    journal.append(record(0))
    write = os.write

    def short(fd, data):
        monkeypatch.setattr(os, "write", write)
        return write(fd, data[:written])

    monkeypatch.setattr(os, "write", short)
    for number in range(1, 4):
        journal.append(record(number))
    assert ids(tmp_path) == [0, 1, 2, 3]


def test_only_a_newline_missing_is_a_whole_record(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.append(record(0))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:-1]))
    journal.append(record(1))
    monkeypatch.setattr(os, "write", write)
    assert ids(tmp_path) == [0, 1]
    journal.append(record(2))
    assert ids(tmp_path) == [0, 1, 2]


def test_a_lost_descriptor_is_replaced(tmp_path, at_once):
    journal = Journal(tmp_path)
    journal.append(record(0))
    close_inherited()  # As careless daemonising code does: every descriptor closed under us.
    journal.append(record(1))
    assert ids(tmp_path) == [0, 1]


def test_a_full_disk(tmp_path, at_once, caplog, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = Journal(tmp_path)
    journal.append(record(0))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        journal.append(record(1))
        journal.append(record(2))
    assert journal.held() == [record(1), record(2)]
    assert "No space left" in caplog.text
    journal.append(record(3))
    assert ids(tmp_path) == [0, 1, 2, 3]
    assert len(list_segments(tmp_path)) == 1  # No file per attempt.


def test_a_server_makes_segments_to_send_from_then_on(tmp_path):
    config.configure(home=tmp_path, url="")
    journal = Journal(tmp_path)
    try:
        journal.append(record(0))
        config.configure(url="http://127.0.0.1:1")
        journal.append(record(1))
        config.configure(url="")
        journal.append(record(2))
    finally:
        config.reset()
    assert [s.kind for s in list_segments(tmp_path)] == ["keep", "send", "keep"]


@pytest.mark.parametrize("policy", ["interval", "always"])
def test_fsync(tmp_path, monkeypatch, policy):
    synced = threading.Event()
    monkeypatch.setattr("tokenbudget.journal.writing.syncer._SECONDS", 0.01)
    where = (
        "tokenbudget.journal.writing.syncer.sync_file"
        if policy == "interval"
        else "tokenbudget.journal.writing.writer.sync"
    )
    monkeypatch.setattr(where, lambda file: synced.set())
    journal = Journal(tmp_path, options=JournalOptions(fsync=policy))
    journal.append(record(0))
    assert synced.wait(10)
    journal.close()


def test_a_failing_sync_is_said_and_the_event_is_written_once(tmp_path, monkeypatch, caplog):
    def fail(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("tokenbudget.journal.writing.writer.sync", fail)
    journal = Journal(tmp_path, options=JournalOptions(fsync="always"))
    journal.append(record(0))
    journal.append(record(1))
    assert ids(tmp_path) == [0, 1]
    assert "power cut" in caplog.text


def test_a_broken_configuration_keeps_events_here(tmp_path, caplog):
    def broken():
        from tokenbudget.core.errors import ConfigError

        raise ConfigError("cannot read config.toml")

    caplog.set_level(logging.WARNING)
    Journal(tmp_path, sends=broken).append(record(0))
    assert [s.kind for s in list_segments(tmp_path)] == ["keep"]
    assert "config.toml" in caplog.text


def test_a_descriptor_that_became_somebody_elses_is_left_to_them(tmp_path, at_once):
    journal = Journal(tmp_path)
    journal.append(record(0))
    number = journal._segment.fd
    os.close(number)
    with (tmp_path / "theirs").open("wb") as theirs:
        assert theirs.fileno() == number
        journal.append(record(1))  # Too late for this one; the check after it notices.
        journal.append(record(2))
        journal.close()
        theirs.write(b"still open")
    assert ids(tmp_path) == [0, 2]
