"""The analytics endpoints: what SQL says, in the shape that is documented."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import polars as pl
import pyarrow as pa
import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget.analytics import METRICS, answers
from tokenbudget_server.analytics import frames, parameters, routes, schemas
from tokenbudget_server.analytics.events import EVENTS
from tokenbudget_server.app import create_app
from tokenbudget_server.ledger import LedgerSnapshot
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.pagination import Keyset

pytestmark = pytest.mark.postgres

ADMIN_KEY = "the admin's"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def usage(post, make_event):
    """Some usage of today, and some unpriced, failed and older."""
    old = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    post(
        *(make_event(tags={"feature": "chat", "user_id": f"u{n % 3}"}) for n in range(9)),
        make_event(model="claude-haiku-4-5-20251001", provider="anthropic", tags={"feature": "review"}),
        make_event(model="nobody-knows", usage={"input_tokens": 7}),
        make_event(status="error", usage={}, error_type="Timeout"),
        make_event(occurred_at=old),
    )


def get(client, path, **parameters):
    response = client.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.text, parse_float=Decimal)


def test_summary(client, usage, sql):
    answer = get(client, "/api/analytics/summary", period="30d")
    since = answer["period"]["start"]
    columns = "count(*), sum(cost_usd), sum(input_tokens), sum(output_tokens)"
    (expected,) = sql(f"SELECT {columns} FROM events WHERE occurred_at >= %s", since)
    found = answer["summary"]
    assert (found["requests"], found["cost_usd"], found["input_tokens"], found["output_tokens"]) == expected
    assert (found["unpriced"], found["errors"], answer["previous"]["requests"]) == (1, 1, 1)


def test_money_is_a_number_with_every_digit(client, usage):
    text = client.get("/api/analytics/summary").text
    assert '"cost_usd":0.004430000000,' in text


def test_an_empty_ledger_is_zero_requests(client):
    assert get(client, "/api/analytics/summary")["summary"]["requests"] == 0
    assert get(client, "/api/analytics/by-model")["rows"] == []
    assert len(get(client, "/api/analytics/timeseries", period="7d")["rows"]) == 7


def test_by_model(client, usage):
    rows = get(client, "/api/analytics/by-model", limit=1)["rows"]
    assert [(row["model"], row["requests"]) for row in rows] == [("gpt-4o-mini-2024-07-18", 10), ("other", 2)]
    unknown = get(client, "/api/analytics/by-model")["rows"][-1]
    assert (unknown["model"], unknown["cost_usd"], unknown["share"]) == ("nobody-knows", None, None)


@pytest.mark.parametrize(
    ("path", "column", "expected"),
    [
        ("by-feature", "feature", {"chat": 9, "review": 1, None: 2}),
        ("by-user", "user_id", {"u0": 3, "u1": 3, "u2": 3, None: 3}),
        ("by-project", "project", {"default": 12}),
        ("by-tag?key=feature", "tag.feature", {"chat": 9, "review": 1, None: 2}),
    ],
)
def test_by_other_things(client, usage, path, column, expected):
    assert {row[column]: row["requests"] for row in get(client, f"/api/analytics/{path}")["rows"]} == expected


def test_filters_by_dimension_and_tag(client, usage):
    def requests(**filters):
        return get(client, "/api/analytics/summary", **filters)["summary"]["requests"]

    assert requests(feature="chat") == 9
    assert requests(feature=["chat", "review"]) == 10
    assert requests(feature="chat", user_id="u1") == 3
    assert requests(provider="anthropic") == 1
    assert requests(status="error") == 1
    assert requests(feature="") == 2
    assert requests(project="elsewhere") == 0


def test_timeseries_by_model(client, usage):
    answer = get(
        client, "/api/analytics/timeseries", period="7d", by="model", limit=1, interval="day", tz="Asia/Kolkata"
    )
    assert (answer["interval"], answer["by"]) == ("day", ["model"])
    assert len(answer["rows"]) == 14
    assert {row["bucket"][10:] for row in answer["rows"]} == {"T18:30:00Z"}
    assert sum(row["requests"] for row in answer["rows"]) == 12


def test_what_is_stored_is_in_the_next_answer(client, post, make_event):
    for count in range(1, 4):
        post(make_event())
        assert get(client, "/api/analytics/summary")["summary"]["requests"] == count


@pytest.mark.parametrize(
    ("question", "detail"),
    [
        ("summary?period=fortnight", "unknown period 'fortnight'"),
        ("summary?tz=Mars/Olympus", "unknown time zone"),
        ("summary?not%20a%20tag=x", "neither a dimension"),
        ("by-model?limit=0", "limit must be"),
        ("by-model?limit=many", "limit must be"),
        ("by-tag", "key=env"),
        ("by-tag?key=not%20a%20tag", "neither a dimension"),
        ("timeseries?interval=fortnight", "interval must be"),
        ("timeseries?interval=15min&period=10y", ""),
        ("timeseries?by=a&by=b&by=c", "at most two"),
        ("summary?project_id=x", "project_id must be"),
    ],
)
def test_a_question_that_cannot_be_answered_is_a_problem(client, question, detail):
    response = client.get(f"/api/analytics/{question}")
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert detail in response.json()["detail"]


def test_without_a_key_nothing_is_answered(client):
    del client.headers["Authorization"]
    for path in ("analytics/summary", "analytics/by-model", "events", "projects", "keys"):
        assert client.get(f"/api/{path}").status_code == 401
    assert client.get("/v1/pricing").status_code == 401


def test_events_are_paged_newest_first(client, usage):
    pages, cursor = [], None
    while cursor is not None or not pages:
        page = get(client, "/api/events", limit=5, **({"cursor": cursor} if cursor else {}))
        pages.append(page["rows"])
        cursor = page["next"]
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert len({row["id"] for row in rows}) == 12
    assert [row["occurred_at"] for row in rows] == sorted((row["occurred_at"] for row in rows), reverse=True)


def test_events_are_filtered(client, usage):
    def count(**filters):
        return len(get(client, "/api/events", **filters)["rows"])

    assert (count(feature="chat"), count(feature=""), count(model="nobody-knows"), count(period="90d")) == (9, 2, 1, 13)
    assert client.get("/api/events?limit=1001").status_code == 400
    assert client.get("/api/events?cursor=nonsense").status_code == 400


def test_a_page_begins_after_any_time_there_is(client, usage):
    uid = UUID("01a21e1a-a84a-78db-8a3c-5e5f5f5f5f5f")
    for when, rows in ((datetime.min.replace(tzinfo=UTC), 0), (datetime.max.replace(tzinfo=UTC), 12)):
        cursor = EVENTS.write((when, uid))
        assert len(get(client, "/api/events", cursor=cursor)["rows"]) == rows
        framed = client.get("/api/events", params={"cursor": cursor}, headers={"Accept": ARROW})
        assert pl.read_ipc_stream(framed.content).height == rows


@pytest.mark.parametrize(
    "path",
    ["/api/events", "/api/keys", "/api/price-changes", "/api/price-overrides", "/api/projects", "/v1/pricing"],
)
def test_every_list_refuses_what_is_not_its_cursor(client, path):
    of_another = Keyset("another", tuple[int], lambda row: row).write((7,))
    for cursor in (of_another, "nonsense", "7", "A" * 4_000):
        for headers in ({}, {"Accept": ARROW}):
            answer = client.get(path, params={"cursor": cursor}, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-cursor")


def test_prices(client):
    page = get(client, "/v1/pricing", search="gpt-4o-mini-2024", limit=1)
    assert page["revision"].startswith("litellm")
    following = get(client, "/v1/pricing", search="gpt-4o-mini-2024", limit=1, cursor=page["next"])
    assert page["rows"][0]["key"] < following["rows"][0]["key"]
    everything = get(client, "/v1/pricing", search="gpt-4o-mini-2024", limit=1000)
    prices = {row["key"]: row["prices"] for row in everything["rows"]}
    assert prices["gpt-4o-mini-2024-07-18"]["input_cost_per_token"] == Decimal("1.5e-7")
    assert client.get("/v1/pricing?limit=0").status_code == 400


def test_the_schema_describes_the_answers(client, usage):
    schema = client.get("/schema/openapi.json").json()["components"]["schemas"]
    assert list(schema["Metrics"]["properties"]) == [metric.name for metric in METRICS]
    for name in ("cost_usd", "avg_cost_usd"):
        assert schema["Metrics"]["properties"][name] == {"oneOf": [{"type": "number"}, {"type": "null"}]}
    assert schema["StoredEvent"]["properties"]["cost_usd"]["oneOf"][0] == {"type": "number"}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("summary", schemas.SummaryAnswer),
        ("by-model", schemas.ByModelAnswer),
        ("by-feature", schemas.ByFeatureAnswer),
        ("by-user", schemas.ByUserAnswer),
        ("by-member", schemas.ByMemberAnswer),
        ("percentiles?by=model", schemas.PercentilesAnswer),
        ("coverage", schemas.CoverageAnswer),
        ("by-project", schemas.ByProjectAnswer),
        ("by-tag?key=feature", schemas.ByTagAnswer),
        ("timeseries?by=model", schemas.TimeseriesAnswer),
        ("timeseries", schemas.TimeseriesAnswer),
    ],
)
def test_answers_are_what_the_schema_says(client, usage, path, answer):
    body = client.get(f"/api/analytics/{path}").content
    read = msgspec.json.decode(body, type=answer, strict=True)
    assert set(msgspec.json.decode(body)) == set(read.__struct_fields__)


@pytest.mark.parametrize(
    "path",
    ["summary", "by-model", "query?by=model&by=feature", "timeseries?interval=day&by=model", "percentiles?by=model"],
)
def test_arrow_says_what_json_says(client, usage, path):
    document = client.get(f"/api/analytics/{path}").json()
    response = client.get(f"/api/analytics/{path}", headers={"Accept": ARROW})
    assert response.headers["content-type"] == ARROW
    rows = pl.read_ipc_stream(response.content).to_dicts()
    expected = document.get("rows") or [document["summary"], document["previous"]]
    assert len(rows) == len(expected)
    for row, told in zip(rows, expected, strict=True):
        for name, value in told.items():
            found = row[name].isoformat().replace("+00:00", "Z") if isinstance(row[name], datetime) else row[name]
            assert found == value or float(found) == pytest.approx(value), name


def test_percentiles_of_one_measure_exactly(client, usage):
    rows = get(client, "/api/analytics/percentiles", measure="latency_ms", exact="true", level="0.5")["rows"]
    assert [(row["measure"], row["exact"], set(row) >= {"count", "p50", "max"}) for row in rows] == [
        ("latency_ms", True, True)
    ]
    for wrong in ("exact=maybe", "measure=cost", "level=95"):
        assert client.get(f"/api/analytics/percentiles?{wrong}").status_code == 400, wrong


def test_events_as_arrow_are_paged_newest_first(client, usage):
    frames, cursor = [], ""
    while cursor is not None:
        asked = {"limit": 5, **({"cursor": cursor} if cursor else {})}
        response = client.get("/api/events", params=asked, headers={"Accept": ARROW})
        frames.append(pl.read_ipc_stream(response.content))
        cursor = response.headers.get("X-Next-Cursor")
    listed = pl.concat(frames, how="diagonal")
    assert [frame.height for frame in frames] == [5, 5, 2]
    assert listed["id"].to_list() == [row["id"] for row in get(client, "/api/events", limit=100)["rows"]]
    assert client.get("/api/events?cursor=nonsense", headers={"Accept": ARROW}).status_code == 400


@pytest.mark.parametrize(("rows", "sizes"), [(1, [1] * 12), (2, [3] * 4), (5, [6, 6]), (7, [9, 3]), (50_000, [12])])
def test_all_events_come_as_one_stream(client, post, make_event, monkeypatch, rows, sizes):
    monkeypatch.setattr(frames, "_PIECE_ROWS", rows)
    hour = datetime.now(UTC).replace(minute=0, second=0) - timedelta(hours=2)
    times = [(hour + timedelta(minutes=n // 3, seconds=n)).isoformat() for n in range(12)]
    post(*(make_event(occurred_at=at, tags={f"tag{n % 5}": "x"}) for n, at in enumerate(times)))
    streamed = client.get("/api/events", headers={"Accept": ARROW})
    assert [batch.num_rows for batch in pa.ipc.open_stream(streamed.content)] == sizes
    listed = pl.read_ipc_stream(streamed.content)
    assert [name for name in listed.columns if name.startswith("tag_")] == [f"tag_tag{n}" for n in range(5)]
    assert listed["id"].to_list() == [row["id"] for row in get(client, "/api/events", limit=100)["rows"]]
    none = client.get("/api/events?period=2020", headers={"Accept": ARROW})
    assert pl.read_ipc_stream(none.content).height == 0


def test_an_answer_that_is_known_is_not_sent_again_until_something_is_stored(client, usage, post, make_event):
    first = client.get("/api/analytics/summary?period=2020")
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/api/analytics/summary?period=2020", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/api/analytics/summary?period=2020", headers={**known, "Accept": ARROW})
    assert other.status_code == 200
    query = "/api/analytics/by-model?period=30d"
    before = client.get(query).headers["ETag"]
    post(make_event())
    assert client.get(query).headers["ETag"] != before


@pytest.mark.parametrize("query", ["/api/analytics/by-model?period=90d", "/api/events?period=90d&limit=9"])
def test_days_that_go_away_under_a_question_are_asked_for_again(client, usage, one_minute, monkeypatch, query):
    expected, scan, gone = (
        client.get(query, headers={"Accept": ARROW}),
        LedgerSnapshot.scan,
        [FileNotFoundError("a day")],
    )

    def scan_or_fail(moment, *span):
        if gone:
            raise gone.pop()
        return scan(moment, *span)

    monkeypatch.setattr(LedgerSnapshot, "scan", scan_or_fail)
    answer = client.get(query + "&tz=Etc/UTC", headers={"Accept": ARROW})  # Another question: not remembered.
    assert (answer.status_code, gone) == (200, [])
    assert pl.read_ipc_stream(answer.content).equals(pl.read_ipc_stream(expected.content))


@pytest.fixture
def one_minute(monkeypatch):
    """Ask within one minute: periods end, and prices come into force, by the minute."""
    now = datetime.now(UTC) + timedelta(minutes=1)
    for module in (routes, parameters):
        monkeypatch.setattr(module, "this_minute", lambda: now)


def test_advice_about_prices_is_known_until_prices_change(client, usage, one_minute):
    first = client.get("/api/analytics/coverage")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/api/analytics/coverage", headers=known).status_code == 304
    (row,) = first.json()["rows"]
    as_arrow = client.get("/api/analytics/coverage", headers={"Accept": ARROW})
    assert pl.read_ipc_stream(as_arrow.content)["advice"].to_list() == [row["advice"]]
    assert "there is a price now" not in row["advice"]
    own = {"provider": "openai", "model": "nobody-knows", "input_per_million": "1", "output_per_million": "1"}
    set_ = client.post("/api/admin/price-overrides", json=own, headers={"X-Admin-Key": ADMIN_KEY})
    assert set_.status_code == 201, set_.text
    changed = client.get("/api/analytics/coverage", headers=known)
    assert changed.status_code == 200
    assert "there is a price now" in changed.json()["rows"][0]["advice"]


@pytest.fixture
def team(client, sql, post, make_event, headers, postgres_url):
    """Three members, two of one name, with keys for the project; return their numbers by email."""
    ((project,),) = sql("SELECT id FROM projects")
    members = {}
    for number, (name, email, events) in enumerate([("Ada", "a@x", 3), ("Ada", "b@x", 2), ("Bob", "c@x", 1)]):
        members[email] = make_member(postgres_url, name, email=email)
        made = make_key(postgres_url, project, members[email], f"key {number}")
        client.headers["Authorization"] = f"Bearer {made}"
        post(*(make_event(tags={"member": "a tag"}) for _ in range(events)))
    client.headers.update(headers)
    return members


def test_by_member(client, team):
    rows = get(client, "/api/analytics/by-member")["rows"]
    ada, other_ada = f"Ada (#{team['a@x']})", f"Ada (#{team['b@x']})"
    expected = [(ada, team["a@x"], 3), (other_ada, team["b@x"], 2), ("Bob", team["c@x"], 1)]
    assert [(row["member"], row["member_id"], row["requests"]) for row in rows] == expected
    limited = get(client, "/api/analytics/by-member", limit=1)["rows"]
    assert [(row["member"], row["member_id"], row["requests"]) for row in limited] == [expected[0], ("other", None, 3)]
    pivot = get(client, "/api/analytics/query", by=["api_key", "member"])["rows"]
    assert {row["api_key"]: row["member"] for row in pivot} == {"key 0": ada, "key 1": other_ada, "key 2": "Bob"}
    assert get(client, "/api/analytics/by-tag", key="member")["rows"][0]["tag.member"] == "a tag"
    days = get(client, "/api/analytics/timeseries", period="24h", interval="day", by="member", member="Bob")
    assert sum(row["requests"] for row in days["rows"]) == 1


@pytest.mark.parametrize("accept", ["application/json", ARROW])
@pytest.mark.parametrize(
    ("filters", "expected"),
    [({"member": "Bob"}, 1), ({"api_key": ["key 0", "key 2"]}, 4), ({"member": ""}, 0), ({"member": ["", "Bob"]}, 1)],
)
def test_events_of_members_and_keys(client, team, accept, filters, expected):
    response = client.get("/api/events", params={**filters, "limit": 10}, headers={"Accept": accept})
    rows = response.json()["rows"] if accept != ARROW else pl.read_ipc_stream(response.content)
    assert len(rows) == expected


def test_events_whose_key_is_unknown_have_no_member(client, team, sql):
    sql("UPDATE events SET api_key_id = 999")
    sql("UPDATE spend_day SET rev = rev + 1")
    (row,) = get(client, "/api/analytics/by-member")["rows"]
    assert (row["member"], row["member_id"], row["requests"]) == (None, None, 6)
    assert len(get(client, "/api/events", member="", limit=10)["rows"]) == 6


def test_a_renamed_member_is_in_the_next_answer(client, team, sql):
    known = {"If-None-Match": client.get("/api/analytics/by-member").headers["ETag"]}
    assert client.get("/api/analytics/by-member", headers=known).status_code == 304
    sql("UPDATE users SET name = 'Carol' WHERE name = 'Bob'")
    assert client.get("/api/analytics/by-member", headers=known).json()["rows"][-1]["member"] == "Carol"


QUESTIONS = [
    *("summary", "by-model", "by-feature", "by-user", "by-member", "by-project", "by-tag?key=feature"),
    *("query?by=model&by=status", "timeseries?by=model", "percentiles?by=model", "coverage"),
]


@pytest.fixture
def elsewhere(client, usage, sql, postgres_url):
    """Another project with one event of its own; return the ids of both."""
    ((here,),) = sql("SELECT id FROM projects")
    there = make_project(postgres_url, "elsewhere")
    sql("UPDATE events SET project_id = %s WHERE model = 'nobody-knows'", there)
    sql("INSERT INTO spend_day SELECT %s, day, api_key_id, shard FROM spend_day ORDER BY day DESC LIMIT 1", there)
    sql("UPDATE spend_day SET requests = 1, unpriced = 1 WHERE project_id = %s", there)
    return here, there


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_project_is_asked_alone(client, elsewhere, question, one_minute):
    path, _, asked = question.partition("?")
    for project in elsewhere:
        scoped = f"/api/projects/{project}/analytics/{question}"
        expected = get(client, f"/api/analytics/{path}?{asked}&project_id={project}")
        assert get(client, scoped) == expected
        etag = client.get(scoped).headers["ETag"]
        assert client.get(scoped, headers={"If-None-Match": etag}).status_code == 304
        as_arrow = pl.read_ipc_stream(client.get(scoped, headers={"Accept": ARROW}).content)
        assert as_arrow.height == len(expected.get("rows", ("summary", "previous")))
    one, other = (get(client, f"/api/projects/{project}/analytics/{question}") for project in elsewhere)
    assert one != other


@pytest.mark.parametrize("path", ["/api/projects/{}/analytics/summary", "/api/analytics/summary?project_id={}"])
def test_a_project_that_is_not_there_or_not_yours(client, elsewhere, sql, settings, headers, path):
    here, there = elsewhere
    assert client.get(path.format(there)).status_code == 200
    missing = client.get(path.format(999))
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no project 999")
    sql("UPDATE memberships SET role = 'member'")
    with TestClient(create_app(settings)) as member:
        member.headers.update(headers)
        assert member.get(path.format(here)).status_code == 200
        refused = [member.get(path.format(project)) for project in (there, 999)]
    assert [answer.status_code for answer in refused] == [404, 404]
    assert [answer.json()["detail"] for answer in refused] == [f"there is no project {n}" for n in (there, 999)]
    assert refused[0].headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("shared", [False, True])
def test_answers_are_remembered_where_the_settings_say(postgres_url, tmp_path, headers, redis_url, monkeypatch, shared):
    settings = Settings(home=tmp_path, database_url=postgres_url, redis_url=redis_url if shared else None)
    worked_out = []
    by = answers.by
    monkeypatch.setattr(answers, "by", lambda *asked, **how: worked_out.append(1) or by(*asked, **how))
    for _ in range(2):
        with TestClient(create_app(settings)) as client:
            client.headers.update(headers)
            bodies = {client.get("/api/analytics/by-model?period=2020").content for _ in range(3)}
            assert len(bodies) == 1
    assert len(worked_out) == (1 if shared else 2)
