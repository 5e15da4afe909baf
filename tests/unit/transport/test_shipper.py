import itertools
import os
import random
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tokenbudget.config import Config
from tokenbudget.core.errors import ConfigError
from tokenbudget.journal import Journal, JournalOptions, delivery_stats, list_segments, quarantine, status
from tokenbudget.journal.segments import cursor
from tokenbudget.transport import Shipper, probe, push, shipper
from tokenbudget.transport import upload as round_module
from tokenbudget.transport.upload import Upload


def record(number):
    return b'{"id":"%d"}' % number


def busy(events):
    return 503, {"detail": "busy"}, {}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(shipper, "LINGER_SECONDS", 0.01)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path, sends=lambda: True)


@pytest.fixture
def shipping(journal, settings):
    """The journal and a shipper of it that follows `settings`, which a test may replace."""
    now = [settings]
    made = Shipper(journal, settings=lambda: now[0])
    made.now = now
    yield made
    made.close(10)


@pytest.fixture
def rounds(journal):
    """Make rounds of `journal`, closed at the end."""
    with ExitStack() as stack:

        def make(batch=500, of=journal):
            made = Upload(of, batch)
            stack.callback(made.close)
            return made

        yield make


def fill(journal, numbers, shipper=None):
    for number in numbers:
        journal.append(record(number))
        if shipper:
            shipper.wake()


def once(numbers):
    return {str(number): 1 for number in numbers}


def wait_for(condition):
    for _ in range(1_000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("did not happen within 10 s")


def test_events_arrive_without_anybody_waiting(shipping, journal, server):
    fill(journal, range(3), shipping)
    wait_for(lambda: server.seen == once(range(3)))
    fill(journal, range(3, 6), shipping)
    wait_for(lambda: server.seen == once(range(6)))


def test_batches_are_bounded(shipping, journal, server):
    fill(journal, range(1_201))
    assert shipping.flush(10)
    assert [len(batch) for batch in server.batches] == [500, 500, 201]
    assert server.seen == once(range(1_201))


def test_what_was_acknowledged_is_not_sent_again(rounds, journal, server, settings):
    fill(journal, range(5))
    assert rounds(2).run(settings)
    assert rounds(2).run(settings)
    assert [len(batch) for batch in server.batches] == [2, 2, 1]
    assert status(settings.home).pending == 0


def test_an_acknowledged_segment_is_deleted_once_it_is_finished(shipping, journal, server, tmp_path):
    fill(journal, range(5))
    assert shipping.flush(10)
    assert len(list_segments(tmp_path)) == 1
    assert shipping.close(10)
    assert {path.name for path in (tmp_path / "journal").iterdir()} == {"tally.json", "tally.lock"}


def test_segments_of_the_dead_are_adopted_and_those_of_the_living_left(shipping, journal, server, tmp_path):
    dead = Journal(tmp_path, options=JournalOptions(segment_bytes=50), sends=lambda: True)
    fill(dead, range(20))
    dead.close()
    living = Journal(tmp_path, sends=lambda: True)
    fill(living, [99])
    fill(journal, range(20, 25))
    assert shipping.flush(10)
    assert server.seen == once(range(25))
    assert status(tmp_path).pending == 1


def test_two_shippers_deliver_each_event_once_or_under_one_id(tmp_path, server, settings):
    fill(dead := Journal(tmp_path, options=JournalOptions(segment_bytes=200), sends=lambda: True), range(500))
    dead.close()
    shippers = [Shipper(Journal(tmp_path, sends=lambda: True), settings=lambda: settings) for _ in range(3)]
    threads = [threading.Thread(target=made.flush, args=(10,)) for made in shippers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(server.seen) == set(once(range(500)))
    assert status(tmp_path).pending == 0
    for made in shippers:
        made.close(5)


def test_local_mode_ships_nothing(shipping, journal, server, settings):
    shipping.now[0] = replace(settings, url=None)
    fill(journal, range(3), shipping)
    assert shipping.flush(1)
    assert shipping._thread is None
    assert not server.batches


def test_a_busy_server_gets_the_same_batch_again(rounds, journal, server, settings):
    fill(journal, range(3))
    server.script = [busy]
    shipping = rounds()
    assert not shipping.run(settings)
    assert not shipping.run(settings)  # Not yet.
    assert len(server.batches) == 1
    assert shipping.run(settings, urgent=True)
    assert server.batches[0] == server.batches[1]
    assert server.seen == once(range(3))
    assert delivery_stats.load(settings.home).last_error is None


def test_a_server_that_asks_for_patience_gets_it(rounds, journal, server, settings):
    fill(journal, range(3))
    server.script = [lambda events: (429, b"", {"Retry-After": "100"})]
    shipping = rounds()
    assert not shipping.run(settings)
    assert not shipping.run(settings, urgent=True)
    assert len(server.batches) == 1
    assert 90 < shipping.pause(60.0) <= 3600


def test_rejected_events_are_quarantined_and_block_nothing(shipping, journal, server, tmp_path):
    server.script = [lambda events: server.accept(events, [{"index": 1, "field": "id", "reason": "no UUID"}])]
    fill(journal, range(4))
    assert shipping.flush(10)
    assert server.seen == once([0, 2, 3])
    entry = quarantine.entries(tmp_path)[0]
    assert (entry.record, entry.field, entry.reason) == ('{"id":"1"}', "id", "no UUID")
    assert status(tmp_path).quarantined == 1


def test_an_event_at_which_the_server_fails_blocks_nothing_for_good(rounds, journal, server, settings, tmp_path):
    def judge(events):
        if "2" in {event["id"] for event in events}:
            return 500, {"detail": "a mistake"}, {}
        return server.accept(events)

    fill(journal, range(5))
    server.script = [judge] * 50
    shipping = rounds()
    assert [shipping.run(settings, urgent=True) for _ in range(4)] == [False, False, False, True]
    assert set(server.seen) == set("0134")
    assert status(tmp_path).quarantined == 1


def leave(home, *segments):
    """Leave segments with these events behind, as dead processes do."""
    for numbers in segments:
        fill(dead := Journal(home, sends=lambda: True), numbers)
        dead.close()


def failing_at(server, *bad):
    """Have the server fail at any batch with one of these events."""

    def judge(events):
        if {str(number) for number in bad} & {event["id"] for event in events}:
            return 500, {"detail": "a mistake"}, {}
        return server.accept(events)

    server.answer = lambda events, headers: server.batches.append([e["id"] for e in events]) or judge(events)


@pytest.mark.parametrize("bad", [[0], [0, 1], [0, 1, 2, 3], [2, 3]])
def test_a_segment_the_server_fails_at_holds_no_other_back(rounds, server, settings, tmp_path, bad):
    leave(tmp_path, *([number] for number in range(5)))
    failing_at(server, *bad)
    shipping = rounds()
    for _ in range(3):
        assert not shipping.run(settings, urgent=True)
    assert server.seen == once(set(range(5)).difference(bad))
    found = status(tmp_path)
    assert (found.pending, found.stuck, found.stuck_because) == (len(bad), len(bad), "HTTP 500: a mistake")
    failing_at(server)
    assert shipping.run(settings, urgent=True)
    assert server.seen == once(range(5))
    assert status(tmp_path).stuck == 0
    assert {path.name for path in (tmp_path / "journal").iterdir()} == {"tally.json", "tally.lock"}


def test_processes_that_live_for_one_round_reach_the_others_too(rounds, server, settings, tmp_path):
    leave(tmp_path, *([number] for number in range(6)))
    failing_at(server, 0, 1, 2, 3)
    for _ in range(3):
        assert not rounds().run(settings)
    assert server.seen == once([4, 5])


def test_a_stubborn_segment_waits_longer_each_time(rounds, server, settings, tmp_path, monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    leave(tmp_path, [0])
    failing_at(server, 0)
    living = Journal(tmp_path, sends=lambda: True)
    shipping = rounds(of=living)
    tried = []
    for number in range(1, 400):
        now[0] += 10
        fill(living, [number])
        shipping.run(settings)
        if server.batches[-1] == ["0"]:
            tried.append(now[0])
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (10, 600)
    assert server.seen == once(range(1, 400))


def test_news_in_a_stubborn_segment_end_its_wait(rounds, journal, server, settings, tmp_path):
    leave(tmp_path, [1])
    fill(journal, [0])
    failing_at(server, 0)
    shipping = rounds()
    for _ in range(5):
        shipping.run(settings, urgent=True)
        leave(tmp_path, [1])
    fill(journal, [2])
    shipping.run(settings)
    assert "2" in server.seen
    assert [entry.record for entry in quarantine.entries(tmp_path)] == ['{"id":"0"}']
    assert status(tmp_path).stuck == 0


def test_a_server_that_fails_at_everything_is_asked_little_and_found_well_at_once(rounds, server, settings, tmp_path):
    leave(tmp_path, *([number] for number in range(5)))
    failing_at(server, *range(5))
    shipping = rounds()
    for _ in range(20):
        assert not shipping.run(settings, urgent=True)
    assert len(server.batches) == 40  # Two a round: one might be failing.
    failing_at(server)
    shipping._not_before = 0.0  # Its wait is over; no segment has one of its own.
    assert shipping.run(settings)
    assert server.seen == once(range(5))


def test_what_stays_with_the_server_is_said_once(rounds, journal, server, settings, tmp_path, caplog):
    leave(tmp_path, [0])
    failing_at(server, 0)
    shipping = rounds()
    for number in range(1, 20):
        fill(journal, [number])
        shipping.run(settings, urgent=True)
    assert len([r for r in caplog.records if "fails at" in r.message]) == 1
    assert not [r for r in caplog.records if "cannot reach" in r.message]


def test_damaged_lines_are_set_aside_when_a_segment_is_shipped(shipping, journal, server, tmp_path):
    dead = Journal(tmp_path, sends=lambda: True)
    fill(dead, range(3))
    path = dead.live_segment()
    dead.close()
    data = bytearray(path.read_bytes())
    data[25] ^= 1
    path.write_bytes(bytes(data) + b"0123abcd {torn")
    assert shipping.flush(10)
    assert server.seen == once([0, 2])
    assert [entry.kind for entry in quarantine.entries(tmp_path)] == ["damaged"] * 2
    assert not list_segments(tmp_path)


def test_a_segment_stays_when_its_rejected_events_cannot_be_quarantined(rounds, journal, server, settings, tmp_path):
    (tmp_path / "quarantine").write_text("in the way")
    server.script = [lambda events: server.accept(events, [{"index": 0, "reason": "no"}])]
    fill(journal, range(2))
    shipping = rounds()
    assert shipping.run(settings)
    journal.rotate()
    fill(journal, [2])
    assert shipping.run(settings)  # It blocks nothing.
    assert server.seen == once([1, 2])
    assert status(tmp_path).pending == 3
    (tmp_path / "quarantine").unlink()
    journal.rotate()
    assert shipping.run(settings)
    assert [entry.record for entry in quarantine.entries(tmp_path)] == ['{"id":"0"}']
    assert list_segments(tmp_path) == []
    assert len(server.batches) == 2


def test_a_revoked_key_is_said_once_and_a_new_one_used_at_once(rounds, journal, server, settings, caplog):
    fill(journal, range(3))
    revoked = [lambda events: (401, {"detail": "the key was revoked"}, {})] * 3
    server.script = list(revoked)
    shipping = rounds()
    for _ in range(3):
        assert not shipping.run(settings, urgent=True)
    assert len([r for r in caplog.records if "revoked" in r.message]) == 1
    assert shipping.pause(1.0) > 500
    server.script = []
    assert shipping.run(replace(settings, api_key="tb_ak_1"))
    assert server.seen == once(range(3))


def test_an_outage_is_said_once(rounds, journal, server, settings, caplog):
    fill(journal, range(3))
    server.script = [busy] * 20
    shipping = rounds()
    for _ in range(20):
        shipping.run(settings, urgent=True)
    assert len([r for r in caplog.records if "cannot reach" in r.message]) == 1


def test_what_waits_in_memory_is_shipped_from_there(rounds, server, settings, tmp_path):
    (tmp_path / "journal").write_text("in the way")
    journal = Journal(tmp_path, sends=lambda: True)
    fill(journal, range(700))
    server.script = [lambda events: server.accept(events, [{"index": 2, "reason": "no"}])]
    assert rounds(of=journal).run(settings)
    assert set(server.seen) == set(once(range(700))) - {"2"}
    assert journal.held() == []


def test_an_error_inside_ends_neither_the_thread_nor_the_wait(shipping, journal, server, monkeypatch, caplog):
    def broken(*arguments):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(round_module, "deliver", broken)
        fill(journal, [0], shipping)
        assert not shipping.flush(10)
    assert "ZeroDivisionError" in caplog.text
    assert shipping.flush(10)
    assert server.seen == once([0])


def test_closing_is_bounded_and_waking_starts_anew(shipping, journal, server):
    release = threading.Event()
    server.script = [lambda events: release.wait(10) and server.accept(events)]
    fill(journal, range(3), shipping)
    wait_for(lambda: server.batches)
    assert not shipping.close(0.05)
    release.set()
    fill(journal, range(3, 6), shipping)
    wait_for(lambda: set(server.seen) == set(once(range(6))))


def test_what_is_recorded_while_it_ends_is_shipped(shipping, journal, server):
    def recorded_meanwhile(events):
        fill(journal, [1], shipping)
        return server.accept(events)

    server.script = [recorded_meanwhile]
    journal.append(record(0))
    shipping._fresh = 1
    shipping.close(10)
    wait_for(lambda: server.seen == once([0, 1]))


def test_a_closed_shipper_starts_again(shipping, journal, server):
    fill(journal, [0], shipping)
    assert shipping.close(10)
    assert shipping._thread is None
    fill(journal, [1], shipping)
    wait_for(lambda: server.seen == once([0, 1]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_ships_its_own(shipping, journal, server):
    fill(journal, [0], shipping)
    assert shipping.flush(10)
    child = os.fork()
    if not child:
        fill(journal, [1], shipping)
        os._exit(0 if shipping.close(10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    fill(journal, [2], shipping)
    assert shipping.flush(10)
    assert server.seen == once(range(3))


def test_a_lost_cursor_sends_again_and_never_skips(rounds, journal, server, settings):
    fill(journal, range(3))
    rounds().run(settings)
    cursor.save(journal.live_segment(), 0)
    rounds().run(settings)
    assert server.batches[0] == server.batches[1]


def test_push_delivers_and_retries_the_quarantine(journal, server, settings, tmp_path):
    fill(journal, range(3))
    journal.close()
    quarantine.set_aside(tmp_path, [quarantine.QuarantinedRecord("rejected", "no", '{"id":"9"}')])
    assert push(settings).shipped == 3
    pushed = push(settings, retry=True)
    assert (pushed.delivered, pushed.put_back, pushed.shipped, pushed.quarantined) == (True, 1, 1, 0)
    assert server.seen == once([0, 1, 2, 9])


def test_push_says_why_not(journal, server, settings):
    fill(journal, range(3))
    journal.close()
    server.script = [lambda events: (401, {"detail": "unknown key"}, {})] * 2
    pushed = push(settings, timeout=5)
    assert (pushed.delivered, pushed.pending) == (False, 3)
    assert "unknown key" in pushed.detail
    with pytest.raises(ConfigError, match="TOKENBUDGET_URL"):
        push(replace(settings, url=None))


@pytest.mark.parametrize(
    ("answer", "reachable", "accepted", "words"),
    [
        (None, True, True, ""),
        ((401, {"detail": "unknown key"}, {}), True, False, "check the API key"),
        ((404, b"nothing here", {}), True, False, "nothing here"),
    ],
)
def test_probe(server, settings, answer, reachable, accepted, words):
    if answer:
        server.script = [lambda events: answer]
    found = probe(settings)
    assert (found.reachable, found.accepted) == (reachable, accepted)
    assert words in found.detail
    assert found.latency_ms > 0


def test_probe_without_an_answer(server, settings, tmp_path):
    server.close()
    assert "does not answer" in probe(settings).detail
    assert probe(Config(home=tmp_path)).url is None
