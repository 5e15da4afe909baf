"""Nothing that is sent holds up the event loop: work is bounded before it is done, and what is long goes elsewhere.

No time is measured: what is counted is the memory that reading takes, bytes encoded, searches, threads that work.
"""

import asyncio
import json
import threading
import tracemalloc
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from litestar.testing import TestClient
from sqlalchemy.ext.asyncio import create_async_engine

from tokenbudget.core import sanitize
from tokenbudget.core.event import Event
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import PriceBook, Pricer
from tokenbudget.pricing.book import match
from tokenbudget.pricing.engine import pricer as engine
from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.app import create_app
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.ingest import decode, service
from tokenbudget_server.ingest.decode import Malformed, decode_batch, explain
from tokenbudget_server.ingest.mend import mend
from tokenbudget_server.ingest.validate import Bounds
from tokenbudget_server.pricing import prices
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.settings import Settings
from tokenbudget_server.store import writer
from tokenbudget_server.web import quotas
from tokenbudget_server.web.errors import OverloadedError, TooManyAtOnceError
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import ProblemError

NOW = datetime.now(UTC)
COUNT = 200_000


def made(number=1, **fields):
    """Make up an event as it is sent."""
    return {
        "id": str(UUID(int=number)),
        "occurred_at": NOW.isoformat(),
        "provider": "openai",
        "model": "gpt-4o-mini",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    } | fields


def with_text(name, text):
    """Write an event with JSON as it stands in one of its fields."""
    return f'{json.dumps(made())[:-1]},"{name}":{text}}}'.encode()


def batch(*events):
    return b'{"events":[' + b",".join(events) + b"]}"


def many(of, count=COUNT):
    return ",".join(of % number for number in range(count))


def peak_of(work):
    """Count the bytes that work takes at most, beside what it was given."""
    tracemalloc.start()
    try:
        found = work()
    except ProblemError as error:
        found = error
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return found, peak


ELEMENTS = b",".join([b"1"] * (10 * COUNT))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"events":["\\ud800",' + ELEMENTS + b"]}", 413),
        (b'{"events":["\xff",' + ELEMENTS + b"]}", 413),
        (b'{"events":[' + ELEMENTS + b"]}", 413),
        (b'{"events":["\\ud800",' + ELEMENTS[:199_999] + b"]}", 413),
        (b'{"events":[' + b"[" * COUNT, 400),
        (b'{"events":' + b'{"a":' * COUNT, 400),
        (b"[" * COUNT, 400),
        (b'{"events":"' + b"\\ud800" * 40_000 + b'"}', 400),
        (b'{"events":[' + b"9" * COUNT, 400),
        (b"\xff" * COUNT, 400),
    ],
)
def test_a_bodys_elements_are_counted_before_anything_is_made_of_them(body, status):
    refused, peak = peak_of(lambda: list(decode_batch(body)))
    assert refused.status_code == status
    assert peak < 4 * 2**20 + 4 * min(len(body), 2**18)
    assert len(str(refused)) < 1_000


@pytest.mark.parametrize(
    "event",
    [
        with_text("metadata", "{" + many('"%d":1') + "}"),
        with_text("tags", "{" + many('"%d":""') + "}"),
        with_text("warnings", "[" + many('"%d"') + "]"),
        with_text("usage", '{"tools":{' + many('"%d":1') + "}}"),
        with_text("usage", '{"passes":[' + ",".join(['{"usage":{}}'] * COUNT) + "]}"),
        with_text("status", '"' + " - at `$." * COUNT + '"'),
        with_text("id", "[" + many("%d") + "]"),
        with_text("x", "[" * COUNT + "]" * COUNT),
        with_text("attempts", "9" * COUNT),
    ],
)
def test_one_events_values_are_counted_before_they_are_read(event):
    (refused,), peak = peak_of(lambda: list(map(decode._read_counted, [event])))
    assert isinstance(refused, Malformed)
    assert peak < 4 * len(event) + 2**18
    assert sum(map(len, refused)) < 500
    if b"[[" not in event:  # Where it is nested too deeply, nobody can tell where it ends.
        assert [type(each) for each in decode_batch(batch(event, json.dumps(made()).encode()))] == [Malformed, Event]


def test_half_a_surrogate_pair_costs_its_character_and_its_neighbours_nothing():
    odd = '"a\\ud83d\\ude00\\\\ud800\\\\\\udc00\\ud83d"'
    first, second, third = decode_batch(
        batch(with_text("error_type", odd), json.dumps(made()).encode(), with_text("metadata", '{"\\ud800":"\\\\u"}'))
    )
    assert (first.error_type, first.warnings) == (
        "a\U0001f600\\ud800\\\ufffd\ufffd",
        ("error_type had a character that cannot be stored",),
    )
    assert (second.warnings, third.metadata) == ((), {"\ufffd": "\\u"})
    assert third.warnings == ("metadata had a character that cannot be stored",)
    assert json.loads(mend(b'["\\ud800\\ud800\\udc00\xc3\xa9\xff"]')) == ["\ufffd\U00010000é\ufffd"]


def test_a_reason_is_found_at_its_end_and_cut():
    field, reason = explain(ValueError("Invalid enum value '" + " - at `$." * 1_000 + "' - at `$.usage.x`"))
    assert (field, len(reason)) == ("usage.x", 301)


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {f"key {number}": "v" * 90 for number in range(1_900)}},
        {"metadata": {f"key {number}": number for number in range(1_900)}},
        {"warnings": tuple(f"warning {number}" for number in range(1_900))},
    ],
)
def test_what_is_too_much_for_an_event_is_cut_in_one_pass(fields, monkeypatch):
    encoded, encode = [], sanitize._json
    monkeypatch.setattr(sanitize, "_json", lambda value: encoded.append(encode(value)) or encoded[-1])
    event = Event(id="", occurred_at=NOW, provider="openai", model="m", **fields)
    assert sanitize.sanitized(event) is not event
    assert sum(map(len, encoded)) < 6 * len(encode(event))


PRICER = Pricer(PriceBook.bundled())


def test_unknown_models_are_not_compared_with_the_known_until_people_read_it(monkeypatch):
    searched, near = [], match.near
    monkeypatch.setattr(match, "near", lambda *what: searched.append(what) or near(*what))
    events = [json.dumps(made(number, model=f"gpt-4oo-{number}")).encode() for number in range(1, 1_001)]
    work = service.Preparation(decode_batch(batch(*events)), Bounds.at(NOW, None), PRICER, 1)
    assert work.proceed()
    assert (len(work.rows), {row[-1][2] for row in work.rows}, searched) == (1_000, {"unknown_model"}, [])
    answer = PRICER.price("openai", "gpt-4oo", Usage(input_tokens=1, output_tokens=1))
    assert isinstance(answer, Unpriced)
    assert (answer.reason, "listed are gpt-4o" in answer.detail, len(searched)) == ("unknown_model", True, 1)


def test_names_that_senders_choose_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(engine, "_REMEMBERED", 100)
    pricer = Pricer(PriceBook.bundled())
    for number in range(350):
        pricer.outcome(("openai", f"m{number}", None, None, None, None, False), Usage(input_tokens=1), None)
    assert len(pricer._cases) <= 100
    key = "k" * 100_000
    sanitize.sanitized(Event(id="", occurred_at=NOW, provider="openai", model="m", tags={key: ""}))
    assert key not in sanitize._sound_keys


def test_a_request_whose_events_take_long_leaves_the_loop():
    seconds = iter(range(1_000))
    events = decode_batch(batch(*(json.dumps(made(number)).encode() for number in range(1, 101))))
    work = service.Preparation(events, Bounds.at(NOW, None), PRICER, 1, clock=lambda: next(seconds))
    assert (work.proceed(2.5), len(work.rows)) == (False, 17)
    work.stop()
    assert (work.proceed(), len(work.rows)) == (False, 25)


@pytest.fixture
def settings(postgres_url, tmp_path):
    return Settings(home=tmp_path, database_url=postgres_url)


@pytest.fixture
def client(settings, monkeypatch):
    monkeypatch.setattr(keys, "_ROUNDS", 4)
    key = ensure_first_key(settings.database, None)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


@pytest.mark.postgres
def test_the_rest_of_a_long_request_is_done_by_a_thread_of_its_own(client, monkeypatch):
    names, lay_out = [], service._lay_out
    monkeypatch.setattr(service, "LOOP_SECONDS", -1.0)
    monkeypatch.setattr(
        service, "_lay_out", lambda *what: names.append(threading.current_thread().name) or lay_out(*what)
    )
    answer = client.post("/v1/events/batch", json={"events": [made(number) for number in range(1, 21)]})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 20)
    assert not names[0].startswith("large batches")
    assert {name.rstrip("0123456789") for name in names[1:]} == {"large batches_"}


@pytest.mark.postgres
@pytest.mark.parametrize(("most", "of_a_key", "status"), [(10**9, 100, 429), (100, 10**9, 503)])
def test_more_than_a_process_or_a_key_may_hold_is_refused_for_a_while(most, of_a_key, status, request, monkeypatch):
    monkeypatch.setattr(service, "MOST_BYTES", most)
    monkeypatch.setattr(service, "MOST_BYTES_OF_A_KEY", of_a_key)
    client = request.getfixturevalue("client")
    refused = client.post("/v1/events", json=made(1))
    assert (refused.status_code, refused.headers.get("retry-after")) == (status, "1")
    assert client.post("/v1/events/batch", json={"events": []}).status_code == 202


@pytest.mark.postgres
def test_one_projects_events_leave_room_for_those_of_others(postgres_url, monkeypatch):
    monkeypatch.setattr(writer, "ROWS_WAITING", 5)
    monkeypatch.setattr(writer, "ROWS_WAITING_OF_A_PROJECT", 3)

    async def work():
        waiting = writer.Writer(postgres_url)  # Not started: what is given to it waits.
        first = asyncio.ensure_future(waiting.write(1, [()] * 3))
        await asyncio.sleep(0)
        with pytest.raises(TooManyAtOnceError):
            await waiting.write(1, [()])
        second = asyncio.ensure_future(waiting.write(2, [()] * 2))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await waiting.write(3, [()])
        first.cancel()
        second.cancel()

    asyncio.run(work())


def test_what_is_held_is_given_back():
    quota = quotas.Quota("bytes", 10, 6)
    with quota.holding("a") as held:
        held.add(4)
        for caller, amount, refused in (("a", 3, TooManyAtOnceError), ("b", 7, TooManyAtOnceError)):
            with pytest.raises(refused), quota.holding(caller) as other:
                other.add(amount)
        with quota.holding("b") as other:
            other.add(6)
            with pytest.raises(OverloadedError):
                quota.take("c", 1)
    with quota.holding("a") as held:
        held.add(6)


@pytest.mark.postgres
def test_events_are_priced_by_the_prices_at_hand_while_new_ones_are_read(settings, monkeypatch):
    ensure_first_key(settings.database, None)
    now, threads, may_build, to_book = 0.0, [], threading.Event(), prices.to_book

    def build(*what):
        threads.append(threading.current_thread().name)
        may_build.wait(60)
        return to_book(*what)

    monkeypatch.setattr(prices, "to_book", build)

    @asynccontextmanager
    async def opened():
        books = Pool("price books", 1, waiting=1)
        database = create_async_engine(sqlalchemy_url(settings.database))
        try:
            yield Prices(database, settings.home, books, clock=lambda: now)
        finally:
            await database.dispose()
            books.close()

    async def work():
        nonlocal now
        async with opened() as read:
            may_build.set()
            first, *others = await asyncio.gather(*(read.pricer() for _ in range(20)))
            assert all(other is first for other in others)
            may_build.clear()
            (settings.home / "prices").mkdir(exist_ok=True)
            monkeypatch.setattr(prices, "_file_stamp", lambda home: (1, 1))
            now = 1.5
            asked = [await read.pricer_at_hand() for _ in range(20)]
            assert all(pricer is first for pricer in asked)
            may_build.set()
            assert await read.pricer() is not first
            assert await read.pricer_at_hand() is not first

    asyncio.run(work())
    assert len(threads) == 2
    assert all(name.startswith("price books") for name in threads)
