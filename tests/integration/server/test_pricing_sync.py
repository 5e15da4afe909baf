"""Prices with dates in Postgres: synced from a table on the network, all or nothing, and taken up by all processes."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from litestar.testing import TestClient
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tokenbudget.pricing import PriceRow
from tokenbudget.pricing.book.price_book import BUNDLED
from tokenbudget_server.app import create_app
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.jobs.periodic import PeriodicJobs
from tokenbudget_server.pricing import download, prices, rows, seed
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.pricing.schedule import daily_sync
from tokenbudget_server.pricing.sync import PriceSync
from tokenbudget_server.settings import read_settings
from tokenbudget_server.web.errors import SettingsError
from tokenbudget_server.web.pools import Pools

pytestmark = pytest.mark.postgres

ADMIN = {"X-Admin-Key": "the admin's own secret"}
MINI = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06}
MAXI = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-05, "output_cost_per_token": 8e-05}
TABLE = {"sample_spec": {}, "mini": MINI, "maxi": MAXI}
COUNTS = ("new", "raised", "lowered", "removed", "held", "unchanged")
EVERYTHING = """
SELECT (SELECT json_agg(r) FROM price_rows r)::text, (SELECT json_agg(c) FROM price_changes c)::text,
       (SELECT json_agg(s) FROM price_state s)::text
"""


@pytest.fixture
def settings(settings, publisher):
    return replace(settings, admin_key=ADMIN["X-Admin-Key"], price_url=publisher.url)


@pytest.fixture
def small_book(sql, publisher):
    """Keep the two models of `TABLE` and nothing else, and publish them."""
    sql("TRUNCATE price_rows")
    for key, entry in TABLE.items():
        if entry:
            prices = {name: value for name, value in entry.items() if "cost" in name}
            sql(
                "INSERT INTO price_rows (key, provider, mode, prices, source, listed)"
                " VALUES (%s, %s, %s, %s, %s, true)",
                key, entry["litellm_provider"], entry["mode"], json.dumps(prices), "at first",
            )  # fmt: skip
    sql("UPDATE price_state SET version = version + 1")
    publisher.table = TABLE


@pytest.fixture
def sync(client):
    def ask(**body):
        response = client.post("/api/admin/sync-pricing", headers=ADMIN, **({"json": body} if body else {}))
        assert response.status_code == 200, response.text
        return response.json()

    return ask


def counts(answer):
    return {name: answer[name] for name in COUNTS if answer[name]}


def test_the_bundled_book_is_there_at_first(client, sql):
    ((count,),) = sql("SELECT count(*) FROM price_rows")
    assert count > 1000
    page = client.get("/v1/pricing", params={"search": "gpt-4o-mini-2024-07-18", "limit": 1}).json()
    assert page["revision"].startswith("litellm ")
    assert sql("SELECT count(*) FROM price_changes") == [(0,)]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (TABLE, {"unchanged": 2}),
        (TABLE | {"micro": MINI}, {"new": 1, "unchanged": 2}),
        (TABLE | {"mini": MINI | {"input_cost_per_token": 2e-06}}, {"raised": 1, "unchanged": 1}),
        (TABLE | {"mini": MINI | {"input_cost_per_token": 9e-07}}, {"lowered": 1, "unchanged": 1}),
        (
            TABLE | {"mini": MINI | {"input_cost_per_token": 2e-06, "output_cost_per_token": 1e-06}},
            {"raised": 1, "lowered": 1, "unchanged": 1},
        ),
        ({"mini": MINI}, {"removed": 1, "unchanged": 1}),
        (TABLE | {"mini": MINI | {"input_cost_per_token": 1.1e-05}}, {"held": 1, "unchanged": 1}),
    ],
)
def test_a_sync_counts_what_it_changes_and_once_only(small_book, publisher, sync, table, found):
    publisher.table = table
    assert counts(sync()) == found
    again = {name: count for name, count in found.items() if name == "held"}
    held = again.get("held", 0)
    assert counts(sync()) == again | {"unchanged": len(table.keys() - {"sample_spec"}) - held}


def test_what_changed_is_appended_with_its_date_and_noted(small_book, publisher, sync, client, sql):
    before = datetime.now(UTC)
    publisher.table = {"mini": MINI | {"input_cost_per_token": 2e-06}}
    sync()
    history = sql("SELECT key, prices::text, listed, effective_from IS NULL FROM price_rows ORDER BY id")
    assert [(key, listed, ever) for key, _, listed, ever in history] == [
        ("mini", True, True),
        ("maxi", True, True),
        ("mini", True, False),
        ("maxi", False, False),
    ]
    assert '"input_cost_per_token":0.000002' in history[2][1]
    assert history[3][1] == history[1][1].replace(" ", "") or "8e-05" in history[3][1]  # The last known price stays.
    page = client.get("/api/price-changes").json()
    assert [(row["key"], row["kind"], row["field"], row["before"], row["after"]) for row in page["rows"]] == [
        ("maxi", "removed", "", None, None),
        ("mini", "raised", "input_cost_per_token", 1e-06, 2e-06),
    ]
    assert before <= datetime.fromisoformat(page["rows"][1]["effective_from"]) <= datetime.now(UTC)


def test_events_are_priced_as_of_when_they_occurred(small_book, publisher, sync, post, make_event, sql):
    early = make_event(model="mini", usage={"input_tokens": 1000, "output_tokens": 0})
    publisher.table = TABLE | {"mini": MINI | {"input_cost_per_token": 2e-06}}
    sync()
    late = {**early, "id": make_event()["id"], "occurred_at": datetime.now(UTC).isoformat()}
    post(early, late)
    stored = sql("SELECT cost_usd FROM events ORDER BY occurred_at")
    assert stored == [(Decimal("0.001"),), (Decimal("0.002"),)]


def test_a_tenfold_move_waits_to_be_confirmed(small_book, publisher, sync, post, make_event, sql):
    publisher.etag = '"1"'
    publisher.table = TABLE | {
        "mini": MINI | {"input_cost_per_token": 2e-05},
        "maxi": MAXI | {"output_cost_per_token": 0},
    }
    held = sync()
    assert {one["key"] for one in held["to_confirm"]} == {"mini", "maxi"}
    assert sync()["held"] == 2, "what is held is told of again, whatever the table's tag"
    answer = sync(confirm=["mini"])
    assert counts(answer) == {"raised": 1, "held": 1}
    assert [one["key"] for one in answer["to_confirm"]] == ["maxi"]
    post(
        make_event(
            model="mini", occurred_at=datetime.now(UTC).isoformat(), usage={"input_tokens": 1, "output_tokens": 0}
        )
    )
    assert sql("SELECT cost_usd FROM events") == [(Decimal("0.00002"),)]


def test_a_table_that_did_not_change_is_not_sent_again(small_book, publisher, sync):
    publisher.etag = '"1"'
    assert counts(sync()) == {"unchanged": 2}
    assert counts(sync()) == {"unchanged": 2}
    assert [known for _, known in publisher.asked] == [None, '"1"']


@pytest.mark.parametrize(
    ("published", "says"),
    [
        ({"body": b'{"mini": {'}, "no JSON"),
        ({"body": b"[]"}, "no JSON object"),
        ({"table": {"x": MINI, "y": MINI}}, "lacks 2 of 2 models"),
        ({"table": {}}, "lacks 2 of 2 models"),
        ({"status": 500}, "answered 500"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "answered 302"),
        ({"body": b" " * 5_000}, "larger than"),
        ({"body": b"{}", "pause": 5.0}, "within 0.5 seconds"),
    ],
)
def test_a_broken_download_changes_nothing(small_book, publisher, client, sql, monkeypatch, published, says):
    seconds = 0.5 if "pause" in published else 60
    monkeypatch.setattr(download.download, "__kwdefaults__", {"seconds": seconds, "largest": 4_000})
    publisher.table = None
    for name, value in published.items():
        setattr(publisher, name, value)
    before = sql(EVERYTHING)
    answer = client.post("/api/admin/sync-pricing", headers=ADMIN)
    assert answer.status_code == 502, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert sql(EVERYTHING) == before


def test_a_price_that_cannot_be_true_is_refused_and_the_others_are_taken(small_book, publisher, sync, sql):
    publisher.table = TABLE | {
        "mini": MINI | {"input_cost_per_token": 3},
        "maxi": MAXI | {"input_cost_per_token": 3e-05},
    }
    answer = sync()
    assert answer["refused"].keys() == {"mini"}
    assert counts(answer) == {"raised": 1}
    assert sql("SELECT key FROM price_rows WHERE effective_from IS NOT NULL") == [("maxi",)]


def test_a_failure_in_the_middle_is_rolled_back(small_book, publisher, client, sql):
    sql("ALTER TABLE price_changes ADD CONSTRAINT broken CHECK (kind <> 'raised')")
    publisher.table = TABLE | {"mini": MINI | {"input_cost_per_token": 2e-06}}
    before = sql(EVERYTHING)
    assert client.post("/api/admin/sync-pricing", headers=ADMIN).status_code == 500
    assert sql(EVERYTHING) == before


@pytest.mark.parametrize(
    ("sent", "says"), [({}, "send X-Admin-Key"), ({"X-Admin-Key": "wrong"}, "is not the server's")]
)
def test_the_admins_key_is_asked_for(client, sent, says, publisher):
    answer = client.post("/api/admin/sync-pricing", headers=sent)
    assert (answer.status_code, says in answer.json()["detail"], publisher.asked) == (403, True, [])


def test_without_an_admins_key_the_route_is_closed(settings, headers):
    with TestClient(create_app(replace(settings, admin_key=None))) as client:
        answer = client.post("/api/admin/sync-pricing", headers=headers | ADMIN)
    assert answer.status_code == 403
    assert "TOKENBUDGET_ADMIN_KEY" in answer.json()["detail"]


def test_nobody_chooses_where_prices_come_from(client, publisher):
    answer = client.post("/api/admin/sync-pricing", headers=ADMIN, json={"url": "http://127.0.0.1:1/"})
    assert (answer.status_code, publisher.asked) == (400, [])


def test_changes_are_paged_and_filtered(client, sql):
    for number in range(5):
        sql(
            "INSERT INTO price_changes (key, provider, kind, field, before, after, source, recorded_at)"
            " VALUES (%s, %s, 'raised', 'input_cost_per_token', 0.000000000001, 2, 'x', %s)",
            f"azure/m{number}" if number % 2 else f"m{number}",
            "azure" if number % 2 else "vertex_ai-language-models",
            datetime(2026, 10, 1 + number, tzinfo=UTC),
        )

    def keys(**asked):
        answer = client.get("/api/price-changes", params=asked)
        assert answer.status_code == 200, answer.text
        return [row["key"] for row in answer.json()["rows"]], answer.json()["next"]

    first, cursor = keys(limit=2)
    second, cursor = keys(limit=2, cursor=cursor)
    third, end = keys(limit=2, cursor=cursor)
    assert (first, second, third, end) == (["m4", "azure/m3"], ["m2", "azure/m1"], ["m0"], None)
    assert keys(since="2026-10-04")[0] == ["m4", "azure/m3"]
    assert keys(since="2026-10-04T12:00:00+00:00")[0] == ["m4"]
    assert keys(provider="azure")[0] == ["azure/m3", "azure/m1"]
    assert keys(provider="vertex")[0] == ["m4", "m2", "m0"]
    assert keys(model="m3")[0] == ["azure/m3"]
    for asked, says in (({"since": "yesterday"}, "is no date"), ({"cursor": "x"}, "start without")):
        answer = client.get("/api/price-changes", params=asked)
        assert (answer.status_code, says in answer.json()["detail"]) == (400, True)


def test_other_processes_take_up_changed_prices(small_book, settings, sync, publisher):
    now = 0.0

    async def other_process():
        engine = create_async_engine(sqlalchemy_url(settings.database))
        read = Prices(engine, settings.home, Pools().books, clock=lambda: now)
        try:
            first = await read.pricer()
            publisher.table = TABLE | {"micro": MINI}
            await asyncio.to_thread(sync)
            same = await read.pricer()
            nonlocal_time()
            return first, same, await read.pricer()
        finally:
            await engine.dispose()

    def nonlocal_time():
        nonlocal now
        now += 2.0

    first, same, fresh = asyncio.run(other_process())
    assert first is same
    assert ("micro" in first.book, "micro" in fresh.book) == (False, True)


def test_a_days_sync_is_done_once_by_one_process(small_book, settings, publisher, sql):
    async def processes(count=3):
        engine = create_async_engine(sqlalchemy_url(settings.database))
        job = daily_sync(PriceSync(engine, Prices(engine, settings.home, Pools().books), settings.price_url))
        try:
            await asyncio.gather(*(PeriodicJobs(engine, [job]).turn(job) for _ in range(count)))
        finally:
            await engine.dispose()

    publisher.pause = 0.3
    for hours, asked in ((0, 1), (23, 1), (2, 2)):
        sql("UPDATE periodic_jobs SET due_at = due_at - make_interval(hours => %s)", hours)
        asyncio.run(processes())
        assert len(publisher.asked) == asked, hours


def test_a_server_told_so_syncs_by_itself(small_book, settings, publisher, sql):
    publisher.table = TABLE | {"micro": MINI}
    with TestClient(create_app(replace(settings, syncs_prices=True))) as client:
        for _ in range(500):
            if sql("SELECT count(*) FROM price_rows") == [(3,)]:
                break
            client.get("/health")
    assert sql("SELECT key FROM price_changes") == [("micro",)]


def test_own_prices_take_the_place_of_the_tables(small_book, client, post, make_event, sql):
    body = {"provider": "openai", "model": "mini", "multiplier": "0.5", "effective_from": "2026-01-01", "note": "deal"}
    made = client.post("/api/admin/price-overrides", headers=ADMIN, json=body)
    assert made.status_code == 201, made.text
    post(make_event(model="mini", usage={"input_tokens": 1000, "output_tokens": 0}))
    assert sql("SELECT cost_usd FROM events") == [(Decimal("0.0005"),)]
    client.delete("/api/admin/price-overrides", headers=ADMIN, params={"provider": "openai", "model": "mini"})
    first = client.get("/api/price-overrides?limit=1").json()
    assert [row["note"] for row in first["rows"]] == ["deal"]
    rest = client.get("/api/price-overrides", params={"cursor": first["next"]}).json()
    assert ([row["note"] for row in rest["rows"]], rest["next"]) == ([""], None)
    listed = client.get("/api/price-overrides").json()["rows"]
    assert [(row["note"], row["prices"]) for row in listed] == [("deal", {"multiplier": 0.5}), ("", {})]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"multiplier": 0}, "above 0"),
        ({}, "either rates"),
        ({"input_per_million": 1, "effective_from": "soon"}, "is no date"),
        ({"rates": {"input_cost_per_tokn": 1}}, "did you mean"),
    ],
)
def test_an_own_price_that_cannot_be_used_is_explained(client, body, says):
    answer = client.post("/api/admin/price-overrides", headers=ADMIN, json={"provider": "openai", "model": "m"} | body)
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True)


@pytest.fixture
def looks_each_time(monkeypatch):
    monkeypatch.setattr(prices, "CHECK_SECONDS", 0.0)


def test_prices_set_on_the_servers_machine_count(small_book, settings, looks_each_time, client, post, make_event, sql):
    from tokenbudget.pricing.book import overrides, store

    own = overrides.make(provider="openai", model="house", input_per_million=1, output_per_million=1)
    store.append(settings.home, [own], store.OVERRIDES)
    post(make_event(model="house", usage={"input_tokens": 1000, "output_tokens": 0}))
    assert sql("SELECT cost_usd FROM events") == [(Decimal("0.001"),)]


def test_a_newer_library_brings_its_new_prices_and_takes_none_back(small_book, settings, sql, monkeypatch, tmp_path):
    def row(key, price, at=None):
        return PriceRow.make(key, {"input_cost_per_token": Decimal(price)}, provider="openai", effective_from=at)

    synced, later = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    engine = create_engine(sqlalchemy_url(settings.database))
    with engine.begin() as connection:
        rows.append_rows(connection, [row("mini", "3e-6", synced)])
    bundle = [row("mini", "9e-6"), row("mini", "2e-6", datetime(2026, 10, 1, tzinfo=UTC)), row("micro", "1e-6")]
    bundle.append(row("maxi", "3e-5", later))
    from tokenbudget.pricing.book.price_book import Provenance, write_file

    provenance = Provenance(revision="newer", fetched="2026-12-01", url="", licence="", attribution="")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / BUNDLED).write_bytes(write_file(provenance, bundle))
    monkeypatch.setattr(seed, "files", lambda _: tmp_path)
    for _ in range(2):
        with engine.connect() as connection:
            seed.seed(connection)
    engine.dispose()
    added = sql("SELECT key, effective_from FROM price_rows ORDER BY id OFFSET 3")
    assert sorted(added) == [("maxi", later), ("micro", None)]
    assert sql("SELECT key, kind, field FROM price_changes ORDER BY id") == [
        ("maxi", "raised", "input_cost_per_token"),
        ("maxi", "removed", "output_cost_per_token"),
        ("micro", "new", ""),
    ]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ADMIN_KEY", "short", "at least 16"),
        ("PRICE_URL", "file:///etc/passwd", "must start with http"),
        ("PRICE_SYNC", "hourly", "daily or off"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(variable, value, says):
    with pytest.raises(SettingsError, match=says):
        read_settings({f"TOKENBUDGET_{variable}": value})
