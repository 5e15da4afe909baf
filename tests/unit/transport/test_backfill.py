"""Events kept elsewhere, brought to a server piece by piece."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from tokenbudget import config
from tokenbudget.cli import main
from tokenbudget.core.errors import ConfigError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal
from tokenbudget.transport.backfill import backfill


@dataclass
class Piece:
    records: list


PIECES = [Piece([b'{"id":"%d"}' % number for number in range(start, start + 2)]) for start in (0, 2, 4)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)


@pytest.fixture
def answered():
    return []


def handed_over(settings, answered, patience=5.0):
    return backfill(settings, PIECES, lambda piece, outcome: answered.append((piece, outcome.shipped)), patience)


def test_every_piece_is_sent_and_answered_for(server, settings, answered):
    assert handed_over(settings, answered) is None
    assert server.batches == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert answered == [(piece, 2) for piece in PIECES]


def test_a_busy_server_gets_the_same_piece_again(server, settings, answered):
    server.script = [server.accept, lambda events: (503, b"", {}), lambda events: (503, b"", {})]
    assert handed_over(settings, answered) is None
    assert server.batches == [["0", "1"], *[["2", "3"]] * 3, ["4", "5"]]


def test_patience_has_an_end(server, settings, answered):
    server.script = [server.accept, *[lambda events: (503, {"detail": "busy"}, {"Retry-After": "60"})] * 9]
    assert handed_over(settings, answered, patience=0.0) == "HTTP 503: busy"
    assert answered == [(PIECES[0], 2)]


def test_a_wrong_key_ends_it_at_once(server, settings, answered):
    server.script = [lambda events: (401, {"detail": "unknown key"}, {})]
    assert "unknown key" in handed_over(settings, answered)
    assert len(server.batches) == 1


def test_an_event_the_server_fails_at_stops_no_other(server, settings, answered):
    def judge(events):
        return (500, b"", {}) if "4" in {event["id"] for event in events} else server.accept(events)

    server.script = [judge] * 20
    assert handed_over(settings, answered) is None
    assert set(server.seen) == set("01235")


def test_without_a_server_it_says_what_to_do(settings, answered):
    with pytest.raises(ConfigError, match="TOKENBUDGET_URL"):
        handed_over(replace(settings, url=None), answered)


@pytest.fixture
def command(settings):
    config.configure(home=settings.home, url=settings.url, api_key=settings.api_key)
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    config.reset()


def keep(home, count):
    journal = Journal(home, sends=lambda: False)
    now = datetime.now(UTC)
    for _ in range(count):
        journal.append(encode(Event(id=uuid7(), occurred_at=now, provider="openai", model="mini")))
    journal.close()


def test_the_command_sends_history_once_and_says_so(server, settings, command):
    keep(settings.home, 3)
    assert server.batches == []
    assert "0 events sent" in command("push").output
    assert not server.seen
    server.script = [lambda events: server.accept(events, [{"index": 1, "reason": "too old"}])]
    first = command("push", "--history")
    assert first.exit_code == 0, first.output
    assert "2 events of those kept here sent" in first.output
    assert "It refused 1, which stay here (the first: too old)." in first.output
    assert "0 events of those kept here sent" in command("push", "--history").output
    assert (len(server.seen), set(server.seen.values())) == (2, {1})


def test_the_command_says_why_not_and_how_to_go_on(server, settings, command):
    keep(settings.home, 3)
    server.script = [lambda events: (401, {"detail": "unknown key"}, {})]
    ended = command("push", "--history")
    assert ended.exit_code == 1
    assert "unknown key" in ended.output
    assert "run the same again" in ended.output
