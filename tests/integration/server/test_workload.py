"""Everything at once, over sockets, on two processes: and every sum that is kept anywhere is the same."""

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import httpx
import polars as pl
import pytest

from tests.plugins.accounts import make_key, make_project
from tests.plugins.ports import free_port
from tokenbudget import analytics
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.launch.child import Child
from tokenbudget_server.ledger import Days, PostgresLedger
from tokenbudget_server.store.statement import UNPRICED

pytestmark = pytest.mark.postgres

ADMIN_KEY = "the admin's own key"
WRITERS, BATCHES = 8, 10
ARROW = {"Accept": "application/vnd.apache.arrow.stream"}
MODELS = [
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-4o-2024-08-06"),
    ("anthropic", "claude-haiku-4-5-20251001"),
    ("openai", "nobody-knows"),
]


@pytest.fixture
def server(postgres_url, tmp_path):
    port = free_port()
    environment = {
        "TOKENBUDGET_DATABASE_URL": postgres_url,
        "TOKENBUDGET_HOME": str(tmp_path / "home"),
        "TOKENBUDGET_ADMIN_KEY": ADMIN_KEY,
    }
    child = Child("api", "tokenbudget_server.launch.api", ["127.0.0.1", str(port), "2"], environment, tmp_path / "log")
    try:
        child.wait_until_serving("127.0.0.1", port, "/health", 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()


@pytest.fixture
def senders(postgres_url, sql):
    """Three keys, two of them for one project: (project, key), the admin's first."""
    first = ensure_first_key(postgres_url, None)
    make_project(postgres_url, "other")
    projects = [row[0] for row in sql("SELECT id FROM projects ORDER BY id")]
    ((user,),) = sql("SELECT id FROM users")
    return [(projects[0], first), *((project, make_key(postgres_url, project, user)) for project in projects)]


class Workload:
    """What is sent, and what is known to be stored, by project."""

    def __init__(self, url, senders):
        self.url, self.senders = url, senders
        self.sent = {project: [] for project, _ in senders}
        self.acknowledged = {project: set() for project, _ in senders}
        self.counts = {"accepted": 0, "duplicates": 0, "sent": 0}
        self.lock = threading.Lock()

    def write(self, seed):
        rng = random.Random(seed)
        with httpx.Client(timeout=60) as client:
            for _ in range(BATCHES):
                project, key = rng.choice(self.senders)
                new = [make(rng) for _ in range(rng.choice([1, 5, 40]))]
                with self.lock:
                    known = self.sent[project]
                    again = rng.sample(known, min(len(known), rng.randrange(20)))
                    known.extend(new)
                batch = [*new, *again, *rng.sample(new, 1)]
                rng.shuffle(batch)
                self.post(client, project, key, batch)

    def post(self, client, project, key, batch):
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.post(f"{self.url}/v1/events/batch", content=json.dumps({"events": batch}), headers=headers)
        receipt = answer.json()
        assert (answer.status_code, receipt["rejected"]) == (202, []), answer.text
        with self.lock:
            self.counts["sent"] += len(batch)
            for name in ("accepted", "duplicates"):
                self.counts[name] += receipt[name]
            self.acknowledged[project].update(event["id"] for event in batch)

    def known(self):
        with self.lock:
            return set().union(*self.acknowledged.values())


def make(rng):
    provider, model = rng.choice(MODELS)
    late = timedelta(days=rng.choice([0, 0, 0, 0, 1, 3, 35, 70]), seconds=rng.randrange(80_000))
    tokens = {"input_tokens": rng.randrange(5_000), "output_tokens": rng.choice([None, rng.randrange(900)])}
    fate = rng.random()
    event = {
        "id": uuid7(),
        "occurred_at": (datetime.now(UTC) - late).isoformat(),
        "provider": provider,
        "model": model,
        "usage": {} if fate < 0.1 else tokens,
        "status": "error" if fate < 0.15 else "aborted" if fate < 0.2 else "ok",
        "measured": "estimated" if fate > 0.9 else "exact",
        "tags": {"feature": rng.choice("abc")} if fate < 0.8 else {},
    }
    return event | ({"latency_ms": rng.randrange(9_000) / 8} if fate < 0.5 else {})


def change_prices(url, key, stop):
    """Set prices and price everything again, over and over; gives how often."""
    rng, turns = random.Random(1), 0
    headers = {"Authorization": f"Bearer {key}", "X-Admin-Key": ADMIN_KEY}
    with httpx.Client(timeout=60, headers=headers) as client:
        while not stop.is_set() or not turns:
            price = {"input_per_million": str(rng.randrange(1, 99)), "output_per_million": "7.000001"}
            model = rng.choice(["nobody-knows", "gpt-4o-mini-2024-07-18"])
            body = {"provider": "openai", "model": model, **price}
            assert client.post(f"{url}/api/admin/price-overrides", json=body).status_code == 201
            repriced = client.post(f"{url}/api/reprice", json={"period": "90d", "dry_run": False})
            assert repriced.status_code == 200, repriced.text
            turns += 1
    return turns


def read_pages(work, key, stop):
    """Page through the events while they arrive: none is listed twice, none is missing that was there before."""
    walks = 0
    with httpx.Client(timeout=60, headers={"Authorization": f"Bearer {key}"}) as client:
        while not stop.is_set() or not walks:
            before, listed, cursor = work.known(), [], None
            while cursor is not None or not listed:
                asked = {"period": "90d", "limit": 50, **({"cursor": cursor} if cursor else {})}
                page = client.get(f"{work.url}/api/events", params=asked).json()
                listed += [row["id"] for row in page["rows"]]
                if (cursor := page["next"]) is None:
                    break
            assert len(listed) == len(set(listed))
            assert before <= set(listed)
            before = work.known()
            streamed = client.get(f"{work.url}/api/events", params={"period": "90d"}, headers=ARROW).content
            ids = pl.read_ipc_stream(BytesIO(streamed))["id"]
            assert ids.is_unique().all()
            assert before <= set(ids)
            walks += 1
    return walks


PER_KEY = "SELECT project_id, api_key_id, {day}, {sums} FROM {table} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
COUNTED = f"count(*), coalesce(sum(cost_usd), 0), {UNPRICED}"
ROLLED = "sum(requests), sum(cost_usd), sum(unpriced)"
TOKENS = "coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), sum(cache_read_tokens)"
PER_BUCKET = "SELECT project_id, {bucket}, api_key_id, provider, model, operation, status, {sums} FROM {table}"
GROUPED = " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"


def assert_sums_are_equal(sql, url, senders, sources) -> int:
    """Compare events, spend_day, usage_15m, ledgers and answers; gives how many events there are."""
    utc = "(occurred_at AT TIME ZONE 'UTC')::date"
    stored = sql(PER_KEY.format(day=utc, sums=COUNTED, table="events"))
    assert sql(PER_KEY.format(day="day", sums=ROLLED, table="spend_day")) == stored
    quarter = "date_bin('15 min', occurred_at, '2020-01-01 00:00+00')"
    estimated = "count(*) FILTER (WHERE measured = 'estimated')"
    sums = f"{COUNTED}, {TOKENS}"
    buckets = sql(PER_BUCKET.format(bucket=quarter, sums=f"{sums}, {estimated}", table="events") + GROUPED)
    sums = f"{ROLLED}, {TOKENS}"
    assert (
        sql(PER_BUCKET.format(bucket="bucket", sums=f"{sums}, sum(estimated)", table="usage_15m") + GROUPED) == buckets
    )
    failed = "count(*) FILTER (WHERE status = 'error')"
    asked = f"SELECT {COUNTED}, {failed}, {TOKENS} FROM events"
    query = Query(period=parse("90d", datetime.now(UTC), "Asia/Kolkata"))
    ((expected,),) = [
        sql(f"{asked} WHERE occurred_at >= %s AND occurred_at < %s", query.period.start, query.period.end)
    ]
    names = ["requests", "cost_usd", "unpriced", "errors", "input_tokens", "output_tokens", "cache_read_tokens"]
    for source in sources:
        assert analytics.summary(source, query).head(1).select(names).row(0) == expected
    assert_answers_are(expected, names, url, senders[0][1])
    return sum(row[3] for row in stored)


def assert_answers_are(expected, names, url, key) -> None:
    """Ask both processes: every connection may reach the other one."""
    for _ in range(4):
        with httpx.Client(
            headers={"Authorization": f"Bearer {key}"}, params={"period": "90d", "tz": "Asia/Kolkata"}
        ) as client:

            def ask(path, client=client, **parameters):
                answer = client.get(f"{url}{path}", params=parameters)
                return json.loads(answer.text, parse_float=Decimal)

            summary = ask("/api/analytics/summary")["summary"]
            assert tuple(summary[name] for name in names) == expected
            for path, parameters in (
                ("by-model", {}),
                ("by-member", {}),
                ("by-feature", {}),
                ("query", {"by": ["project", "api_key"]}),
                ("timeseries", {"interval": "hour", "by": "status"}),
            ):
                rows = ask(f"/api/analytics/{path}", **parameters)["rows"]
                totals = tuple(sum(row[name] or 0 for row in rows) for name in names)
                assert totals == expected, path


@pytest.mark.parametrize("seed", [1, 2])
def test_all_sums_are_equal_after_eight_writers_repricing_and_retention(
    server, senders, sql, postgres_url, tmp_path, seed, maintain
):
    work, stop, key = Workload(server, senders), threading.Event(), senders[0][1]
    with ThreadPoolExecutor(WRITERS + 2) as pool:
        others = [pool.submit(change_prices, server, key, stop), pool.submit(read_pages, work, key, stop)]
        try:
            for writing in [pool.submit(work.write, seed * 100 + number) for number in range(WRITERS)]:
                writing.result(120)
        finally:
            stop.set()
        assert all(each.result(120) for each in others)
    projects = sorted(work.sent)
    apart = [PostgresLedger(postgres_url, projects, place) for place in (None, tmp_path / "ledger")]
    for source, place in zip(apart, (None, tmp_path / "ledger"), strict=True):
        source._days = Days(postgres_url, place)  # As a process of its own would have it.
    count = assert_sums_are_equal(sql, server, senders, apart)
    assert count == len(work.known()) == work.counts["accepted"]
    assert work.counts["accepted"] + work.counts["duplicates"] == work.counts["sent"]
    maintain(postgres_url, timedelta(days=40), datetime.now(UTC))
    assert 0 < assert_sums_are_equal(sql, server, senders, apart) < count
    for source in apart:
        source._days.close()
