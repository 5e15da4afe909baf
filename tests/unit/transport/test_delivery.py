from datetime import UTC, datetime

import pytest

from tokenbudget.journal import quarantine
from tokenbudget.transport.backoff import delay, retry_after
from tokenbudget.transport.connection import connect
from tokenbudget.transport.delivery import deliver, isolate, send

RECORDS = [b'{"id":"%d"}' % n for n in range(8)]


def answer(status, body=b"", **headers):
    return lambda events: (status, body, headers)


@pytest.fixture
def client(server):
    with connect(server.url, "tb_ak_0", 5.0) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (202, {"accepted": 8, "duplicates": 0, "rejected": []}, "acknowledged"),
        (202, {"accepted": 0, "duplicates": 8}, "acknowledged"),
        (202, b"<html>Welcome to the hotel", "stopped"),
        (202, {"ok": True}, "stopped"),
        (202, [], "stopped"),
        (202, {"accepted": 7, "rejected": [{"index": 99}]}, "stopped"),
        (200, {"accepted": 8}, "stopped"),
        (301, b"", "stopped"),
        (400, {"detail": "not a batch"}, "refused"),
        (413, b"", "refused"),
        (422, b"", "refused"),
        (401, {"detail": "unknown key"}, "stopped"),
        (403, b"", "stopped"),
        (404, b"", "stopped"),
        (408, b"", "later"),
        (429, b"", "later"),
        (500, b"", "later"),
        (503, {"title": "overloaded"}, "later"),
    ],
)
def test_what_an_answer_means(server, client, status, body, verdict):
    server.script = [answer(status, body)]
    outcome = send(client, RECORDS)
    assert (outcome.verdict, outcome.status) == (verdict, status)


def test_what_is_sent(server, client):
    send(client, RECORDS[:2])
    assert server.batches == [["0", "1"]]
    headers = {name.lower(): value for name, value in server.headers[0].items()}
    assert headers["authorization"] == "Bearer tb_ak_0"
    assert headers["content-encoding"] == "gzip"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("tokenbudget-python/")


def test_nobody_there(server, client):
    server.close()
    outcome = send(client, RECORDS)
    assert (outcome.verdict, outcome.status) == ("later", None)
    assert "ConnectError" in outcome.detail


def test_the_servers_words_and_wishes_are_kept(server, client):
    server.script = [answer(503, {"title": "busy", "detail": "the store restarts"}, **{"Retry-After": "7"})]
    outcome = send(client, RECORDS)
    assert (outcome.wait, outcome.detail) == (7.0, "HTTP 503: the store restarts")


def test_words_that_cannot_be_stored_are_no_obstacle(server, client, tmp_path):
    rejected = b'{"accepted": 7, "rejected": [{"index": 3, "field": "tags.\\ud83d", "reason": "no \\ud83d"}]}'
    server.script = [answer(202, rejected), answer(503, b'{"detail": "busy \\ud83d"}')]
    outcome = deliver(client, RECORDS)
    assert [(entry.field, entry.reason) for entry in outcome.rejected] == [("tags.\ufffd", "no \ufffd")]
    quarantine.set_aside(tmp_path, outcome.rejected)
    assert send(client, RECORDS).detail == "HTTP 503: busy \ufffd"


def test_rejected_events_are_reported_and_the_rest_is_shipped(server, client):
    rejected = {"index": 3, "id": "3", "field": "occurred_at", "reason": "is in the future"}
    server.script = [lambda events: server.accept(events, [rejected])]
    outcome = deliver(client, RECORDS)
    assert (outcome.verdict, outcome.shipped) == ("acknowledged", 7)
    assert [(e.record, e.field, e.reason) for e in outcome.rejected] == [
        ('{"id":"3"}', "occurred_at", "is in the future")
    ]


@pytest.mark.parametrize("rejected", [{"0"}, {"7"}, {"2", "3"}, {str(n) for n in range(8)}])
def test_a_refused_batch_is_halved_until_the_rejected_record_stands_alone(server, client, rejected):
    def judge(events):
        if rejected & {event["id"] for event in events}:
            return 422, {"detail": "rejected inside"}, {}
        return server.accept(events)

    server.script = [judge] * 100
    outcome = deliver(client, RECORDS)
    assert outcome.verdict == "acknowledged"
    assert {e.record for e in outcome.rejected} == {f'{{"id":"{n}"}}' for n in rejected}
    assert {e.reason for e in outcome.rejected} == {"rejected inside"}
    assert outcome.shipped == 8 - len(rejected)
    assert set(server.seen) == {str(n) for n in range(8)} - rejected


def test_a_failure_while_halving_keeps_the_whole_batch(server, client):
    server.script = [answer(422), server.accept, answer(503)]
    assert deliver(client, RECORDS).verdict == "later"


@pytest.mark.parametrize("rejected", [{"0"}, {"1"}, {"7"}, {"2", "3"}, {"1", "6"}, {"4", "5", "6", "7"}])
def test_the_records_a_server_fails_at_are_set_aside(server, client, rejected):
    def judge(events):
        if rejected & {event["id"] for event in events}:
            return 500, {"detail": "a mistake"}, {}
        return server.accept(events)

    server.script = [judge] * 100
    outcome = isolate(client, RECORDS)
    assert outcome.verdict == "acknowledged"
    assert {(e.record, e.kind, e.status) for e in outcome.rejected} == {
        (f'{{"id":"{n}"}}', "rejected", 500) for n in rejected
    }
    assert set(server.seen) == {str(n) for n in range(8)} - rejected


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_takes_nothing_is_left_alone_soon(server, client, status):
    server.script = [answer(status)] * 100
    records = [b'{"id":"%d"}' % n for n in range(512)]
    outcome = isolate(client, records)
    assert (outcome.verdict, outcome.rejected) == ("later", [])
    assert len(server.batches) <= 20


def test_delays_grow_within_bounds_and_obey_the_server():
    for failures in (1, 3, 50):
        delays = [delay(failures) for _ in range(200)]
        assert min(delays) >= 0.25
        assert max(delays) <= min(60.0, 0.5 * 2**failures)
        assert len(set(delays)) > 100  # Jitter: a fleet does not come back as one.
    assert delay(1, 30.0) == 30.0
    assert delay(1, 1e9) == 3600.0


NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("3", 3.0),
        ("-3", 0.0),
        ("Mon, 05 Oct 2026 12:00:30 GMT", 30.0),
        ("Mon, 05 Oct 2026 11:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds
