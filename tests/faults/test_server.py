"""A server that is away, slow, busy or interrupted, and a database and a cache that go away under it."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.faults.host import delivered, event
from tests.faults.network import cut_short, delayed, refused, reset_after_commit, reset_before
from tests.faults.waiting import finished
from tokenbudget.journal import Journal, compact, quarantine, status
from tokenbudget.ledger.history import History
from tokenbudget.ledger.sealed import to_sealed
from tokenbudget.transport import Shipper, push
from tokenbudget.transport.backfill import backfill


def test_all_is_well(host, evidence, network):
    host.record(1_200)
    assert delivered(host, evidence)
    assert set(network.answers) == {202}


def test_down_for_a_while(host, evidence, network):
    host.record(100)
    assert host.shipper.flush(30)
    with network.outage():
        host.record(600)
        assert not host.shipper.flush(5)
        assert len(evidence.rows()) == 100
    assert delivered(host, evidence)


def test_slow_while_the_process_leaves(run, evidence, network):
    network.faults = [delayed(5)]
    began = time.monotonic()
    finished(run("once", "slow"), patience=30)
    assert time.monotonic() - began < 30
    evidence.deliver_the_rest()
    assert evidence.check() == 50
    assert len(network.answers) == 2  # Sent again under the same ids: the first answer had not come.


@pytest.mark.parametrize(
    "faults",
    [
        [refused(503)] * 2,
        [refused(429, **{"Retry-After": "1"})],
        [reset_after_commit] * 2,
        [reset_before] * 2,
        [cut_short],
        [refused(500), reset_after_commit, refused(503), cut_short],
    ],
    ids=["503", "429", "reset after commit", "reset before", "answer cut short", "one after another"],
)
def test_trouble_on_the_way(host, evidence, network, faults):
    network.faults = list(faults)
    host.record(300)
    assert delivered(host, evidence)
    assert network.faults == []


def test_postgres_restarts_while_batches_come_in(host, evidence, stand):
    stop = threading.Event()

    def restart():
        stand.postgres.stop()
        time.sleep(0.3)
        stand.postgres.start()
        stop.set()

    thread = threading.Thread(target=restart)
    thread.start()
    while not stop.is_set():
        host.record(20)
        time.sleep(0.01)
    thread.join()
    assert delivered(host, evidence)


def test_redis_goes_away(host, evidence, stand):
    host.record(50)
    assert host.shipper.flush(30)
    stand.redis.stop()
    try:
        host.record(50)
        assert host.shipper.flush(30)
    finally:
        stand.redis.start()
    host.record(50)
    assert delivered(host, evidence)


def test_a_rejected_event_blocks_nothing_and_may_be_tried_again(host, evidence, client):
    host.record(20)
    host.journal.append(event("host", 98, id="no uuid"))
    host.journal.append(event("host", 99, occurred_at=datetime.now(UTC) + timedelta(hours=2)))
    host.record(20)
    assert delivered(host, evidence)
    assert {entry.field for entry in quarantine.entries(client.home)} == {"id", "occurred_at"}
    host.shipper.close(10)
    assert push(client, retry=True).put_back == 2
    assert status(client.home).quarantined == 2
    evidence.check({"host": host.recorded})


def test_a_wrong_key_stops_shipping_until_it_is_right(host, evidence, client, caplog):
    host.settings[0] = replace(client, api_key="tb_ak_" + "0" * 32)
    host.record(100)
    assert not host.shipper.flush(30)
    host.record(100)
    assert not host.shipper.flush(30)
    assert len([r for r in caplog.records if "does not take our events" in r.message]) == 1
    host.settings[0] = client
    assert host.shipper.flush(30)
    assert delivered(host, evidence)


def test_a_revoked_key_stops_shipping_until_there_is_another(host, evidence, client, stand, caplog):
    host.record(100)
    assert delivered(host, evidence)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{stand.port}", headers={"Authorization": f"Bearer {client.api_key}"}
    ) as account:
        # The first key sees every project's.
        key = next(k for k in account.get("/api/keys").json()["rows"] if client.api_key.startswith(k["hint"]))
        asked = {"name": "next", "scopes": ["ingest", "read"]}
        other = account.post(f"/api/projects/{key['project_id']}/keys", json=asked).json()["text"]
        assert account.delete(f"/api/keys/{key['id']}").status_code == 204
    host.record(50)
    assert not host.shipper.flush(10)
    assert len([r for r in caplog.records if "does not take our events" in r.message]) == 1
    host.settings[0] = evidence.settings = replace(client, api_key=other)
    assert host.shipper.flush(30)
    assert evidence.check({"host": 150}, missing={f"host/{number}" for number in range(100)}) == 50


def test_the_clock_jumps_back_and_far_ahead(host, evidence, monkeypatch):
    now, now_ns = time.time, time.time_ns
    for days in (0, -1, 400):
        monkeypatch.setattr(time, "time", lambda days=days: now() + days * 86_400)
        monkeypatch.setattr(time, "time_ns", lambda days=days: now_ns() + days * 86_400 * 10**9)
        host.record(50)
        host.journal.rotate()
    assert delivered(host, evidence)


def test_two_shippers_adopt_the_same_segments(evidence, client):
    left = Journal(client.home, sends=lambda: True)
    for number in range(400):
        left.append(event("left", number))
        if number % 40 == 0:
            left.rotate()
    left.close()
    shippers = [Shipper(Journal(client.home, sends=lambda: True), settings=lambda: client) for _ in range(2)]
    threads = [threading.Thread(target=made.flush, args=(30,)) for made in shippers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert evidence.check({"left": 400}) == 400
    for made in shippers:
        made.close(5)


def test_history_of_before_there_was_a_server_arrives_once(host, evidence, client, network):
    kept = Journal(client.home, sends=lambda: False)
    for number in range(1_200):
        kept.append(event("kept", number))
        if number == 700:
            kept.rotate()
            compact(client.home, to_sealed, min_bytes=0, min_segments=0)
    network.faults = [refused(503), reset_after_commit]
    first = History(client.home, client.url)
    pieces = list(first.pieces())
    assert backfill(client, pieces[:2], lambda piece, outcome: first.taken(piece), 30) is None
    for again in (History(client.home, client.url), History(client.home, "http://the-same-server-by-another-name")):
        assert backfill(client, again.pieces(), lambda piece, outcome, of=again: of.taken(piece), 30) is None
        assert again.waiting == 0
    assert evidence.check({"kept": 1_200}) == 1_200
    kept.close()
