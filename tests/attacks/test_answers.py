"""No question is answered without bounds: what is too large is refused before the work, and says how to ask for less.

The server is one that would run on a machine of 1 GB: it may use half of that for answers.  It holds 400,000 events,
each with tags of its own, which are the most groups that there can be.
"""

import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.plugins.accounts import make_key, make_member, make_project
from tests.plugins.ports import free_port

pytestmark = pytest.mark.postgres

HOST = "127.0.0.1"
ARROW = "application/vnd.apache.arrow.stream"
LARGEST = 16_000_000
GB = 1 << 30
EVENTS = 200_000
LEVELS = "&".join(f"level=0.{number:03d}" for number in range(1, 101))
FILL = """
WITH new AS (
    INSERT INTO events (project_id, occurred_at, id, api_key_id, input_tokens, output_tokens, cache_read_tokens,
                        cache_write_tokens, reasoning_tokens, latency_ms, attempts, batch, provider, model, operation,
                        status, measured, source, unpriced, tags)
    SELECT e.project_id,
           ((now() AT TIME ZONE 'UTC')::date - mod(n, %(days)s) + interval '1 second') AT TIME ZONE 'UTC',
           gen_random_uuid(), e.api_key_id, 10, 5, 0, 0, 0, mod(n, 977), 1, false, 'openai', 'model-' || mod(n, 3000),
           e.operation, e.status, e.measured, e.source, 'unknown_model',
           jsonb_build_object('session', md5(n::text), 'user', md5('u' || n))
    FROM events e, generate_series(1, %(events)s) n WHERE e.id = %(like)s
    RETURNING project_id, api_key_id, occurred_at
)
INSERT INTO spend_day (project_id, day, api_key_id, shard, requests, rev)
SELECT project_id, (occurred_at AT TIME ZONE 'UTC')::date, api_key_id, %(shard)s, count(*), 1 FROM new GROUP BY 1, 2, 3
"""


@pytest.fixture(scope="module")
def server(postgres_server, template_database, tmp_path_factory):
    """A server for a machine of 1 GB; its URL, the headers of a key, and the process."""
    from tokenbudget_server.launch.child import Child

    home = tmp_path_factory.mktemp("answers")
    database = postgres_server.create_database("answers", template=template_database)
    port = free_port()
    environment = {
        "TOKENBUDGET_DATABASE_URL": database,
        "TOKENBUDGET_HOME": str(home),
        "TOKENBUDGET_MEMORY": "512M",
        # Else pages that polars has freed count as held until the system wants them.
        "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    }
    child = Child("the API", "tokenbudget_server.launch.api", [HOST, str(port), "1"], environment, home / "api.log")
    try:
        child.wait_until_serving(HOST, port, "/health", 60)
        url = f"http://{HOST}:{port}"
        key = make_key(database, make_project(database, "large"), make_member(database, "somebody"))
        headers = {"Authorization": f"Bearer {key}"}
        fill(url, headers, database)
        yield url, headers, child
    finally:
        child.stop()
        postgres_server.drop_database("answers")


def fill(url, headers, database):
    """Store as many events today, and as many over the days before."""
    from datetime import UTC, datetime

    from tokenbudget.core.ids import uuid7

    event = {
        "id": uuid7(),
        "occurred_at": datetime.now(UTC).isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    assert httpx.post(f"{url}/v1/events", headers=headers, content=json.dumps(event)).status_code == 202
    with psycopg.connect(database, autocommit=True) as connection:
        for shard, days in ((100, 1), (101, 6)):
            with connection.transaction():
                connection.execute(FILL, {"days": days, "events": EVENTS, "shard": shard, "like": event["id"]})


def ask(server, path, accept="application/json"):
    url, headers, _ = server
    return httpx.get(f"{url}{path}", headers={**headers, "Accept": accept}, timeout=170)


GROUPS = "ask about a shorter period, filter, or split by fewer dimensions"
LEVELS_OR_GROUPS = f"ask for fewer levels or measures|{GROUPS}"
BUCKETS = "ask for a longer interval or a shorter period"
TOO_LARGE = [
    (f"percentiles?by=session&period=7d&{LEVELS}", LEVELS_OR_GROUPS),
    ("percentiles?by=session&period=7d", LEVELS_OR_GROUPS),
    (f"percentiles?by=model&period=7d&{LEVELS}", LEVELS_OR_GROUPS),
    ("percentiles?period=7d&" + "&".join(f"level={n / 1000}" for n in range(101)), "101 levels .* 100 are the most"),
    ("percentiles?by=session&by=user&period=7d&exact=true&measure=cost_usd", LEVELS_OR_GROUPS),
    ("timeseries?by=session&period=7d&interval=hour", f"{BUCKETS}|{GROUPS}"),
    ("timeseries?by=model&period=7d&interval=15min&limit=3000", BUCKETS),
    ("timeseries?period=500d&interval=15min", BUCKETS),
    ("query?by=session&by=user&period=7d&limit=10000", GROUPS),
    ("by-tag?key=session&period=7d&limit=10000", GROUPS),
]


@pytest.mark.parametrize(("question", "way_out"), TOO_LARGE)
@pytest.mark.parametrize("accept", ["application/json", ARROW])
def test_what_is_too_large_is_refused_and_says_how_to_ask_for_less(server, question, way_out, accept):
    answer = ask(server, f"/api/analytics/{question}", accept)
    if accept == ARROW and answer.status_code == 200:  # Ten times as many values are no more bytes.
        assert len(answer.content) < 4 * LARGEST
        return
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-question")
    assert re.search(way_out, answer.json()["detail"])


@pytest.mark.parametrize(
    "question",
    [
        "by-tag?key=session&period=24h&limit=10",
        "query?by=session&by=user&period=24h&limit=10",
        "timeseries?by=session&period=24h&interval=hour&limit=20",
        "percentiles?by=model&period=7d",
        "percentiles?period=7d&exact=true",
        "coverage?period=7d",
        "by-model?period=7d&limit=10000",
    ],
)
def test_what_is_asked_for_within_bounds_is_answered_within_bounds(server, question):
    answer = ask(server, f"/api/analytics/{question}")
    if answer.status_code == 400:  # Of a day there may be too many groups, too, which depends on the hour.
        assert "groups" in answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    assert len(answer.content) < LARGEST


def test_a_page_of_events_is_bounded_in_both_forms(server):
    assert ask(server, "/api/events?limit=1001").status_code == 400
    assert ask(server, "/api/events?limit=10001", ARROW).status_code == 400
    assert len(ask(server, "/api/events?limit=10000", ARROW).content) < LARGEST


def test_all_events_are_streamed_a_piece_at_a_time_though_they_are_of_one_instant(server):
    import pyarrow as pa

    batches = list(pa.ipc.open_stream(ask(server, "/api/events?period=7d", ARROW).content))
    assert sum(batch.num_rows for batch in batches) >= EVENTS
    assert max(batch.num_rows for batch in batches) <= 100_000


def test_of_many_models_without_a_price_names_are_looked_for_only_of_the_largest(server):
    rows = ask(server, "/api/analytics/coverage?period=7d").json()["rows"]
    assert len(rows) == 3000
    assert sum("ask about this model alone" in row["advice"] for row in rows) == 2950
    (row,) = ask(server, "/api/analytics/coverage?period=7d&model=model-7").json()["rows"]
    assert "no price for 'model-7'" in row["advice"]


def test_streams_that_nobody_reads_hold_a_place_until_they_are_hung_up_and_no_thread(server):
    url, headers, _ = server
    place = urlsplit(url)
    head = [f"GET /api/events?period=7d HTTP/1.1\r\nHost: x\r\nAccept: {ARROW}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    unread = [socket.create_connection((place.hostname, place.port)) for _ in range(2)]
    for connection in unread:
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    for connection in unread:
        assert connection.recv(12) == b"HTTP/1.1 200"
    refused = ask(server, "/api/events?period=7d", ARROW)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert ask(server, "/api/events?period=7d&limit=10", ARROW).status_code == 200
    for connection in unread:
        connection.close()
    with httpx.Client(headers={**headers, "Accept": ARROW}) as client:
        until(lambda: begins(client, f"{url}/api/events?period=7d"))


def begins(client, url):
    with client.stream("GET", url) as answer:
        return answer.status_code == 200


def until(is_so):
    """Wait until something is so."""
    waiting = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        waiting.wait(0.05)
    pytest.fail("it never came to be so")


def test_a_server_of_one_gigabyte_survives_all_of_it_at_once(server):
    questions = [*(question for question, _ in TOO_LARGE), "by-tag?key=session&period=24h&limit=10", "coverage"]
    paths = [*(f"/api/analytics/{question}" for question in questions), "/api/events?period=7d"]
    asked = [(path, accept) for path in paths for accept in ("application/json", ARROW)] * 2
    gate = threading.Barrier(len(asked))

    def one(path, accept):
        gate.wait()
        return ask(server, path, accept).status_code

    with ThreadPoolExecutor(len(asked)) as pool:
        statuses = set(pool.map(one, *zip(*asked, strict=True)))
    assert statuses <= {200, 400, 429, 503}
    assert ask(server, "/api/analytics/summary?period=7d").status_code == 200
    _, _, child = server
    assert sum(map(peak, descendants(child._process.pid))) < GB


def descendants(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("tells memory by /proc, which this system has not")
    found = [int(child) for child in children.read_text().split()]
    return found + [one for child in found for one in descendants(child)]


def peak(pid):
    """Return the most bytes that a process ever held."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
