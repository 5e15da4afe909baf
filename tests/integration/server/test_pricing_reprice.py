"""Events priced again on a real Postgres: exact, with all sums following, whatever comes in meanwhile."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import psycopg
import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.usage import Pass, Usage
from tokenbudget.pricing import PriceBook, Pricer, PriceRow
from tokenbudget_server.pricing import repricing
from tokenbudget_server.store import locks
from tokenbudget_server.store.rows import to_row
from tokenbudget_server.store.writer import Writer
from tokenbudget_server.web.errors import RepricingUnderWayError
from tokenbudget_server.web.scope import SERVER

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
PERIOD = parse("30d", NOW)
KEY_ID = 7


def pricer(**prices):
    rows = (
        PriceRow.make(
            key, {"input_cost_per_token": Decimal(price), "output_cost_per_token": Decimal(0)}, provider="openai"
        )
        for key, price in prices.items()
    )
    return Pricer(PriceBook(rows))


def event(number=0, **fields):
    known = {
        "id": uuid7(),
        "occurred_at": NOW - timedelta(hours=number, minutes=1),
        "provider": "openai",
        "model": "mini",
        "usage": Usage(input_tokens=1000, output_tokens=10),
    }
    return Event(**(known | fields))


def scope(*project_ids):
    return msgspec.structs.replace(SERVER, project_ids=project_ids)


@pytest.fixture
def project(sql, key):
    return sql("SELECT id FROM projects")[0][0]


@pytest.fixture
def store(postgres_url, project):
    def write(*events):
        async def go():
            writer = Writer(postgres_url)
            await writer.start()
            try:
                await writer.write(project, [to_row(one, one.cost_usd, KEY_ID) for one in events])
            finally:
                await writer.stop()

        asyncio.run(go())

    return write


@pytest.fixture
def reprice(postgres_url, project):
    def run(prices, **options):
        return repricing.reprice(
            postgres_url, scope(project), PERIOD, prices, **{"dry_run": False, "chunk": 3, **options}
        )

    return run


def assert_sums_follow(sql):
    unpriced = "count(*) FILTER (WHERE cost_usd IS NULL AND NOT (status = 'error' AND input_tokens IS NULL))"
    sums = f"count(*), {unpriced}, coalesce(sum(cost_usd), 0) FROM events"
    kept = "SELECT day, sum(requests), sum(unpriced), sum(cost_usd) FROM spend_day GROUP BY 1 ORDER BY 1"
    assert sql(kept) == sql(f"SELECT (occurred_at AT TIME ZONE 'UTC')::date, {sums} GROUP BY 1 ORDER BY 1")
    quarters = f"""
        SELECT date_bin('15 min', occurred_at, '2020-01-01 00:00+00'), provider, model, status, {sums}
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    kept = """
        SELECT bucket, provider, model, status, sum(requests), sum(unpriced), sum(cost_usd) FROM usage_15m
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    assert sql(kept) == sql(quarters)


def test_a_dry_run_tells_the_difference_and_changes_nothing(store, reprice, sql):
    old, new = pricer(mini="1e-6"), pricer(mini="2e-6", maxi="5e-6")
    store(*(old.priced(event(hour, model=model)) for hour in range(5) for model in ("mini", "maxi", "none")))
    before = sql("SELECT * FROM events ORDER BY id"), sql("SELECT * FROM spend_day ORDER BY 1, 2, 3, 4")
    found = reprice(new, dry_run=True)
    assert found.rows() == [
        ("openai", "maxi", 5, 5, 5, 0, None, Decimal("0.025"), Decimal("0.025")),
        ("openai", "mini", 5, 5, 0, 0, Decimal("0.005"), Decimal("0.01"), Decimal("0.005")),
        ("openai", "none", 5, 0, 0, 5, None, None, Decimal(0)),
    ]
    assert (sql("SELECT * FROM events ORDER BY id"), sql("SELECT * FROM spend_day ORDER BY 1, 2, 3, 4")) == before
    assert reprice(new).equals(found)
    assert_sums_follow(sql)
    assert reprice(new)["changed"].sum() == 0


def test_it_is_one_act_however_many_chunks_it_takes(store, reprice, sql):
    store(*(pricer(mini="1e-6").priced(event(hour)) for hour in range(8)))
    assert reprice(pricer(mini="2e-6"), chunk=3)["changed"].sum() == 8
    assert sql("SELECT action, target_id FROM audit") == [("events.reprice", "30d")]


def test_the_first_price_stays_on_the_event(store, reprice, sql):
    store(pricer(mini="1e-6").priced(event()), pricer().priced(event(model="maxi")))
    read = "SELECT model, cost_usd, original_cost_usd, repriced_at IS NULL, unpriced FROM events ORDER BY model"
    for mini, maxi in (("2e-6", "4e-6"), ("3e-6", "5e-6")):
        reprice(pricer(mini=mini, maxi=maxi))
        assert sql(read) == [
            ("maxi", Decimal(maxi) * 1000, None, False, None),
            ("mini", Decimal(mini) * 1000, Decimal("0.001"), False, None),
        ]
        assert_sums_follow(sql)


def test_what_does_not_change_is_left_alone(store, reprice, sql):
    store(pricer(mini="1e-6").priced(event()), pricer().priced(event(usage=Usage(), status="error")))
    before = sql("SELECT * FROM events ORDER BY id"), sql("SELECT * FROM spend_day")
    assert reprice(pricer(mini="1e-6"))["changed"].sum() == 0
    assert (sql("SELECT * FROM events ORDER BY id"), sql("SELECT * FROM spend_day")) == before


def test_bills_and_stated_prices_stay(store, reprice, sql):
    bill = event(usage=Usage(input_tokens=1000, output_tokens=1, reported_cost_usd=Decimal("0.5")))
    stated = event(model="our-deployment", cost_usd=Decimal("0.25"), price_key="ours")
    store(pricer().priced(bill), stated)
    reprice(pricer(mini="9e-6"))
    assert sql("SELECT cost_usd, price_key, repriced_at FROM events ORDER BY 1") == [
        (Decimal("0.25"), "ours", None),
        (Decimal("0.5"), "reported", None),
    ]


def test_everything_a_price_depends_on_is_read_back(store, postgres_url, project, sql):
    """The bundled book priced them at first: nothing changes."""
    from tokenbudget.pricing import default

    usages = [
        {"provider": "openai", "model": "gpt-4o", "batch": True},
        {"provider": "openai", "model": "gpt-5", "service_tier": "priority"},
        {"provider": "anthropic", "model": "claude-opus-4-6", "speed": "fast"},
        {"provider": "anthropic", "model": "claude-sonnet-4-5", "region": "us"},
        {"provider": "azure", "model": "gpt-4o", "region": "eu"},
        {"provider": "anthropic", "model": "claude-sonnet-4-5", "usage": Usage(
            input_tokens=5000, output_tokens=9, cache_read_tokens=100, cache_write_tokens=900,
            cache_write_1h_tokens=400, tools={"web_search": 3})},
        {"provider": "openai", "model": "whisper-1", "usage": Usage(units={"seconds": Decimal("12.5")})},
        {"provider": "openai", "model": "gpt-4o-audio-preview", "usage": Usage(
            input_tokens=900, output_tokens=90, input_audio_tokens=300, output_audio_tokens=30)},
        {"provider": "anthropic", "model": "claude-sonnet-4-5", "usage": Usage(
            input_tokens=30, output_tokens=3, passes=(
                Pass(usage=Usage(input_tokens=10, output_tokens=1)),
                Pass(usage=Usage(input_tokens=20, output_tokens=2), model="claude-opus-4-5")))},
    ]  # fmt: skip
    store(*(default().priced(event(hour, **fields)) for hour, fields in enumerate(usages)))
    assert sql("SELECT count(*) FROM events WHERE cost_usd IS NOT NULL")[0][0] >= 8
    found = repricing.reprice(postgres_url, scope(project), PERIOD, default(), dry_run=True)
    assert found["changed"].sum() == 0, found


def test_the_next_answer_has_the_new_costs_even_where_their_sum_is_the_same(client, store, reprice):
    first = pricer(mini="1e-6", maxi="2e-6")
    store(first.priced(event()), first.priced(event(model="maxi")))

    def costs():
        answer = client.get("/api/analytics/by-model", params={"period": "2026-04"})
        rows = json.loads(answer.text, parse_float=Decimal)["rows"]
        return {row["model"]: row["cost_usd"] for row in rows}

    assert costs() == {"mini": Decimal("0.001"), "maxi": Decimal("0.002")}
    reprice(pricer(mini="2e-6", maxi="1e-6"))
    assert costs() == {"mini": Decimal("0.002"), "maxi": Decimal("0.001")}


def test_only_one_prices_at_a_time(postgres_url, reprice, store):
    store(pricer(mini="1e-6").priced(event()))
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [locks.REPRICING])
        with pytest.raises(RepricingUnderWayError, match="already"):
            reprice(pricer(mini="2e-6"))
        assert reprice(pricer(mini="2e-6"), dry_run=True)["changed"].sum() == 1


def test_who_comes_second_is_told_so_by_the_api(client, post, make_event, postgres_url):
    post(make_event())
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [locks.REPRICING])
        answer = client.post("/api/reprice", json={"period": "7d", "dry_run": False})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/repricing-under-way")


def test_events_that_come_in_meanwhile_are_neither_lost_nor_doubled(postgres_url, project, store, reprice, sql):
    old, new = pricer(mini="1e-6", maxi="3e-6"), pricer(mini="2e-6", maxi="1e-6", late="7e-6")
    models = ("mini", "maxi", "late")

    def made(count):
        return [old.priced(event(number % 72, model=models[number % 3])) for number in range(count)]

    first = made(600)
    store(*first)

    async def ingest(writer, batches):
        for batch in batches:
            # Half of each batch came before: a retry must change nothing, priced again or not.
            await writer.write(project, [to_row(one, one.cost_usd, KEY_ID) for one in batch])
            await asyncio.sleep(0)

    async def both():
        writers = [Writer(postgres_url, flushers=1) for _ in range(4)]
        for writer in writers:
            await writer.start()
        batches = [[[*first[: 5 * number], *made(10)] for number in range(25)] for _ in writers]
        work = [ingest(writer, own) for writer, own in zip(writers, batches, strict=True)]
        await asyncio.gather(*work, asyncio.to_thread(reprice, new, chunk=50))
        for writer in writers:
            await writer.stop()

    asyncio.run(both())
    assert sql("SELECT count(*) FROM events") == [(600 + 4 * 25 * 10,)]
    assert_sums_follow(sql)
    assert sql("SELECT count(*) FROM events WHERE repriced_at IS NOT NULL")[0][0] >= 600
    reprice(new)
    assert_sums_follow(sql)
    assert sql("SELECT DISTINCT model, cost_usd FROM events ORDER BY 1") == [
        ("late", Decimal("0.007")),
        ("maxi", Decimal("0.001")),
        ("mini", Decimal("0.002")),
    ]


def test_over_http_a_key_reprices_its_projects(client, post, make_event, sql):
    post(make_event(model="house"), make_event())
    asked = client.post("/api/reprice", json={"period": "7d"})
    assert asked.status_code == 200, asked.text
    assert (asked.json()["dry_run"], [row["changed"] for row in asked.json()["rows"]]) == (True, [0, 0])
    sql("INSERT INTO price_rows (key, provider, mode, prices, source, listed) SELECT 'house', 'openai', 'chat',"
        " '{\"input_cost_per_token\": 1e-6, \"output_cost_per_token\": 0}', 'x', true")  # fmt: skip
    sql("UPDATE price_state SET version = version + 1")
    while True:  # Taken up within a second.
        rows = client.post("/api/reprice", json={"period": "7d"}).json()["rows"]
        if rows[0]["changed"]:
            break
    assert (
        client.get("/api/analytics/coverage", params={"period": "7d"})
        .json()["rows"][0]["advice"]
        .startswith("there is a price now (house)")
    )
    client.post("/api/reprice", json={"period": "7d", "dry_run": False})
    assert sql("SELECT cost_usd FROM events WHERE model = 'house'") == [(Decimal("0.001"),)]
    (row,) = [row for row in client.get("/api/events").json()["rows"] if row["model"] == "house"]
    assert row["repriced_at"]
    assert "original_cost_usd" not in row
    assert client.get("/api/analytics/coverage", params={"period": "7d"}).json()["rows"] == []
    assert client.post("/api/reprice", json={"period": "never"}).status_code == 400
    assert client.post("/api/reprice", json={"dryrun": False}).status_code == 400
    assert client.post("/api/reprice", headers={"Authorization": ""}, json={}).status_code == 401
