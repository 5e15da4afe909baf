"""What is kept on this machine, handed to a server that comes later: each event once, whatever happens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from tokenbudget.core.event import Event, decode, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Pass, Usage
from tokenbudget.journal import Journal, compact, read_snapshot
from tokenbudget.ledger.history import History
from tokenbudget.ledger.sealed import PRICING, from_sealed, to_sealed

URL = "http://server"
NOW = datetime(2026, 4, 20, 12, 0, 0, 123456, tzinfo=UTC)
PLAIN = Event(id=uuid7(), occurred_at=NOW, provider="openai", model="mini")
RICH = Event(
    id=uuid7(),
    occurred_at=NOW - timedelta(days=3),
    provider="anthropic",
    model="large",
    operation="messages",
    requested_model="large-latest",
    usage=Usage(
        input_tokens=1_000,
        output_tokens=10,
        cache_read_tokens=500,
        tools={"web_search": 2},
        units={"images": Decimal("1.5")},
        passes=(Pass(usage=Usage(input_tokens=600), kind="compaction"),),
        reported_cost_usd=Decimal("0.25"),
    ),
    cost_usd=Decimal("0.000000000123"),
    list_cost_usd=Decimal("0.000000000456"),
    billing="subscription",
    price_key="anthropic/large",
    service_tier="priority",
    speed="fast",
    region="eu",
    batch=True,
    latency_ms=12.5,
    time_to_first_token_ms=1.25,
    attempts=3,
    status="error",
    error_type="Timeout",
    measured="estimated",
    response_id="r1",
    project="p",
    tags={"feature": "chat", "user_id": "u"},
    warnings=("cache_read_tokens 12 > input_tokens 10", "output_tokens -1 < 0"),
)
UNPRICED = Event(id=uuid7(), occurred_at=NOW, provider="openai", model="new", unpriced="unknown_model")


@pytest.mark.parametrize("events", [[PLAIN], [RICH], [PLAIN, RICH, UNPRICED]])
def test_what_was_sealed_comes_back_as_it_was(events):
    assert from_sealed(to_sealed(events)) == events


def record(home, *events):
    journal = Journal(home, sends=lambda: False)
    for event in events:
        journal.append(encode(event))
    return journal


def seal(home):
    compact(home, to_sealed, min_bytes=0, min_segments=0)


def many(count):
    return [Event(id=uuid7(), occurred_at=NOW, provider="openai", model="mini") for _ in range(count)]


def given(history, most=None):
    """Take pieces, as a server does; return the events' ids."""
    ids = []
    for number, piece in enumerate(history.pieces()):
        if number == most:
            break
        ids += [decode(record).id for record in piece.records]
        history.taken(piece)
    return ids


@pytest.fixture
def kept(tmp_path):
    """Keep 1,200 events sealed and 700 in the segment of a process that is running; return their ids."""
    events = many(1_900)
    record(tmp_path, *events[:1_200]).close()
    seal(tmp_path)
    journal = record(tmp_path, *events[1_200:])
    yield [event.id for event in events]
    journal.close()


def test_everything_is_given_once(tmp_path, kept):
    assert History(tmp_path, URL).waiting == 1_900
    assert given(History(tmp_path, URL)) == kept
    assert History(tmp_path, URL).waiting == 0
    assert given(History(tmp_path, URL)) == []
    for other in (("http://other",), (URL, "the key of another project")):
        assert given(History(tmp_path, *other)) == kept
        assert given(History(tmp_path, *other)) == []
    assert "key" not in (tmp_path / "ledger" / "sent.json").read_text()


@pytest.mark.parametrize("pieces", range(6))
def test_it_goes_on_where_it_stopped(tmp_path, kept, pieces):
    first = given(History(tmp_path, URL), pieces)
    assert [*first, *given(History(tmp_path, URL))] == kept


def test_what_is_recorded_meanwhile_is_given_the_next_time(tmp_path, kept):
    given(History(tmp_path, URL))
    more = many(3)
    record(tmp_path, *more).close()
    assert given(History(tmp_path, URL)) == [event.id for event in more]


def test_what_waits_for_the_server_anyway_is_left_to_the_shipper(tmp_path):
    Journal(tmp_path, sends=lambda: True).append(encode(PLAIN))
    assert given(History(tmp_path, URL)) == []


def test_files_merged_since_are_given_again_and_nothing_is_missed(tmp_path, kept):
    given(History(tmp_path, URL))
    record(tmp_path, *many(1_000)).close()
    seal(tmp_path)
    history = History(tmp_path, URL)
    assert len(read_snapshot(tmp_path).parts) == 1
    assert history.waiting == 2_200
    assert set(kept[:1_200]) < set(given(history))


def test_a_broken_mark_gives_everything_again(tmp_path, kept):
    given(History(tmp_path, URL))
    (tmp_path / "ledger" / "sent.json").write_text("{")
    assert given(History(tmp_path, URL)) == kept


def test_events_whose_price_cannot_be_worked_out_stay_here(tmp_path):
    record(tmp_path, PLAIN, RICH).close()
    compact(tmp_path, lambda events: to_sealed(events).drop(PRICING), min_bytes=0, min_segments=0)
    record(tmp_path, UNPRICED).close()
    seal(tmp_path)
    assert given(History(tmp_path, URL)) == [UNPRICED.id]
    assert pl.read_parquet(read_snapshot(tmp_path).parts[0].path(tmp_path)).height == 3
