"""``POST /v1/events`` and ``/v1/events/batch``: what is stored and refused; nothing is lost or doubled."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_project
from tokenbudget.core.ids import uuid7
from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings

pytestmark = pytest.mark.postgres

SUMS = """
SELECT count(*), sum(cost_usd), sum(input_tokens), sum(output_tokens),
       count(*) FILTER (WHERE cost_usd IS NULL AND status <> 'error')
FROM events
"""


def test_an_event_is_stored_with_all_it_says(client, post, make_event, sql):
    sent = make_event(
        requested_model="gpt-4o-mini",
        operation="chat",
        usage={
            "input_tokens": 1000,
            "output_tokens": 200,
            "cache_read_tokens": 300,
            "reasoning_tokens": 50,
            "output_audio_tokens": 7,
            "tools": {"web_search": 2},
            "units": {"seconds": "12.5"},
        },
        service_tier="default",
        region="eu",
        batch=False,
        latency_ms=812.25,
        time_to_first_token_ms=100.5,
        attempts=3,
        response_id="chatcmpl-1",
        source="javascript",
        tags={"feature": "chat", "user_id": "u42"},
        metadata={"run": 7, "ok": True, "note": None},
    )
    assert post(sent) == {"accepted": 1, "duplicates": 0, "rejected": []}
    (stored,) = client.get("/api/events").json()["rows"]
    for name in sent.keys() - {"occurred_at", "usage", "batch"}:
        assert stored[name] == sent[name], name
    usage = {**sent["usage"], "units": {"seconds": 12.5}}
    assert stored["usage"] == usage
    assert datetime.fromisoformat(stored["occurred_at"]) == datetime.fromisoformat(sent["occurred_at"])
    assert stored["project"] == "default"


def test_the_rollups_are_the_sums_of_the_events(post, make_event, sql):
    failed = make_event(status="error", error_type="Timeout", usage={})
    guessed = make_event(status="aborted", measured="estimated", usage={"input_tokens": 5, "output_tokens": 1})
    post(*(make_event() for _ in range(20)), failed, guessed, make_event(model="no-such-model"))
    (events,) = sql(SUMS)
    rollup = "SELECT sum(requests), sum(cost_usd), sum(input_tokens), sum(output_tokens), sum(unpriced) FROM usage_15m"
    assert sql(rollup) == [events]
    assert sql("SELECT sum(requests), sum(cost_usd), sum(unpriced) FROM spend_day") == [(*events[:2], events[4])]
    assert sql("SELECT sum(estimated) FROM usage_15m") == [(1,)]
    assert events == (23, Decimal("0.005401350000"), 21 * 1000 + 5, 21 * 200 + 1, 1)


def test_the_server_prices_and_keeps_the_clients_figure(post, make_event, sql):
    post(make_event(cost_usd="99.5", price_key="made-up"))
    stored = sql("SELECT cost_usd, client_cost_usd, price_key FROM events")
    assert stored == [(Decimal("0.000270000000"), Decimal("99.500000000000"), "gpt-4o-mini-2024-07-18")]


def test_a_price_that_only_the_client_knows_is_kept(post, make_event, sql):
    post(
        make_event(model="our-deployment", cost_usd="0.25", price_key="override:our-deployment"),
        make_event(model="our-deployment", cost_usd="0.25"),
    )
    stored = sql("SELECT cost_usd, price_key, unpriced FROM events ORDER BY cost_usd NULLS LAST")
    assert stored == [(Decimal("0.25"), "override:our-deployment", None), (None, None, "unknown_model")]


def test_an_unpriced_event_has_no_cost_rather_than_none(post, make_event, sql):
    post(make_event(model="no-such-model"))
    assert sql("SELECT cost_usd, unpriced FROM events") == [(None, "unknown_model")]
    assert sql("SELECT cost_usd, unpriced FROM spend_day") == [(0, 1)]


def test_an_id_is_stored_once_however_often_it_arrives(post, make_event, sql):
    first, second = make_event(), make_event()
    assert post(first, first, second) == {"accepted": 2, "duplicates": 1, "rejected": []}
    assert post(second, make_event(), first) == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert post({**first, "id": first["id"].upper()})["duplicates"] == 1
    assert sql("SELECT count(*) FROM events") == [(3,)]
    assert sql("SELECT sum(requests) FROM usage_15m") == [(3,)]
    assert sql("SELECT sum(requests) FROM spend_day") == [(3,)]


def test_another_projects_same_id_is_another_event(client, post, make_event, sql, postgres_url):
    project_id = make_project(postgres_url, "other")
    made = client.post(f"/api/projects/{project_id}/keys", json={"name": "second"}).json()
    sent = make_event()
    post(sent)
    client.headers["Authorization"] = f"Bearer {made['text']}"
    assert post(sent)["accepted"] == 1
    assert sql("SELECT count(DISTINCT project_id), count(*) FROM events") == [(2, 2)]


def future(**step):
    return (datetime.now(UTC) + timedelta(**step)).isoformat()


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"id": "42"}, "id", "must be a UUID"),
        ({"id": ...}, "id", "is missing"),
        ({"id": 42}, "id", "Expected `str`, got `int`"),
        ({"occurred_at": "yesterday"}, "occurred_at", "RFC3339"),
        ({"occurred_at": "2026-01-05T12:00:00"}, "occurred_at", "offset from UTC"),
        ({"occurred_at": future(hours=2)}, "occurred_at", "in the future"),
        ({"occurred_at": "2019-12-31T23:59:59Z"}, "occurred_at", "older than what is kept"),
        ({"occurred_at": ...}, "occurred_at", "is missing: send when the call was made"),
        ({"provider": ""}, "provider", "must not be empty: send who bills"),
        ({"status": "fine"}, "status", "Invalid enum value 'fine': send ok or error or aborted"),
        ({"tags": {f"k{i}": "v" for i in range(21)}}, "tags", "at most 20"),
        ({"tags": {"sp ace": "v"}}, "tags", "'sp ace'"),
        ({"tags": {"k" * 65: "v"}}, "tags", "1 to 64"),
        ({"tags": {"feature": 1}}, "tags[...]", "Expected `str`"),
        ({"metadata": {"deep": {}}}, "metadata[...]", "got `object`"),
        ({"latency_ms": -1}, "latency_ms", "got -1"),
        ({"attempts": -1}, "attempts", "got -1"),
        ({"attempts": 2**40}, "attempts", str(2**40)),
        ({"cost_usd": "NaN"}, "cost_usd", "NaN"),
        ({"cost_usd": -1}, "cost_usd", "-1"),
        ({"cost_usd": "1e30"}, "cost_usd", "1E+30"),
        ({"usage": {"input_tokens": 10**15}}, "usage.input_tokens", "more than one call can have"),
        ({"usage": {"input_tokens": 2**70}}, "usage.input_tokens", ""),
        ({"usage": {"input_tokens": "many"}}, "usage.input_tokens", "Expected `int | null`"),
        ({"usage": {"units": {"seconds": "Infinity"}}}, "usage.units.seconds", "Infinity"),
        ({"usage": {"units": {"seconds": "1e-400"}}}, "usage.units.seconds", "exponent -400"),
        ({"usage": {"passes": [{"usage": {"passes": [{"usage": {}}]}}]}}, "usage.passes[0].usage.passes", "no passes"),
        ({"usage": {"reported_cost_usd": "2000000"}}, "usage.reported_cost_usd", "2000000"),
        ({"model": "gpt-4", "usage": {"input_tokens": 10**12, "output_tokens": 1}}, "usage", "would cost"),
    ],
)
def test_a_bad_event_is_reported_and_the_good_ones_are_stored(post, make_event, sql, fields, field, reason):
    bad = make_event(**fields)
    answer = post(make_event(), bad, make_event())
    assert answer["accepted"] == 2
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, field)
    assert rejected["id"] == str(bad.get("id", ""))
    assert reason in rejected["reason"]
    assert sql("SELECT count(*) FROM events") == [(2,)]


@pytest.mark.parametrize("text", ["\\u0000", "C:\\u0000 is a path", "\\\\u0000"])
def test_the_text_backslash_u0000_is_not_the_character(post, make_event, sql, text):
    sent = make_event(tags={"feature": text}, metadata={"note": text}, error_type=text)
    assert post(sent)["rejected"] == []
    assert sql("SELECT tags->>'feature', metadata->>'note', error_type FROM events") == [(text, text, text)]


@pytest.mark.parametrize(
    ("fields", "column", "stored", "said"),
    [
        ({"model": "m" * 300}, "model", "m" * 255 + "…", "model had 300 characters, 256 are kept"),
        ({"model": "a\0b"}, "model", "a\ufffdb", "model had a character that cannot be stored"),
        ({"provider": "open\ud83d"}, "provider", "open\ufffd", "provider had a character"),
        ({"error_type": "a\udc00"}, "error_type", "a\ufffd", "error_type had a character"),
        ({"response_id": "r" * 2000}, "response_id", "r" * 1023 + "…", "response_id had 2,000 characters"),
        ({"tags": {"feature": "v" * 300}}, "tags->>'feature'", "v" * 255 + "…", "tag feature had 300 characters"),
        ({"tags": {"feature": "a\0\ud83d"}}, "tags->>'feature'", "a\ufffd\ufffd", "had a character"),
        ({"tags": {"fea\ud83dture": "a"}}, "tags->>'fea_ture'", "a", "tags had a character"),
        ({"metadata": {"note": "x" * 5000}}, "metadata->>'note'", "x" * 511 + "…", "metadata note had 5,000"),
        ({"metadata": {"note": "a\0\ud83d"}}, "metadata->>'note'", "a\ufffd\ufffd", "had a character"),
        ({"usage": {"tools": {"a\0b\ud83d": 3}}}, "usage_rest->'tools'->>'a\ufffdb\ufffd'", "3", "had a character"),
        ({"warnings": ["a\0", "b\ud83d"]}, "warnings->>0", "a\ufffd", "warnings had a character"),
    ],
)
def test_text_that_cannot_be_stored_costs_no_event(client, make_event, sql, fields, column, stored, said):
    odd = make_event(**fields)
    for path, body in (("/batch", {"events": [make_event(), odd, make_event()]}), ("", {**odd, "id": uuid7()})):
        answer = client.post(f"/v1/events{path}", content=json.dumps(body)).json()
        assert answer["rejected"] == [], answer
    rows = sql(f"SELECT {column}, warnings FROM events WHERE warnings IS NOT NULL")
    assert [text for text, _ in rows] == [stored] * 2
    assert all(any(said in warning for warning in warnings) for _, warnings in rows)
    assert sql("SELECT count(*) FROM events") == [(4,)]


@pytest.mark.parametrize("odd", [b"open\xffai", b"open\xed\xa0\xbdai"])
def test_bytes_that_are_no_utf8_cost_no_event(client, make_event, sql, odd):
    body = json.dumps({"events": [make_event(), make_event(provider="openOai")]}).encode().replace(b"openOai", odd)
    answer = client.post("/v1/events/batch", content=body).json()
    assert (answer["accepted"], answer["rejected"]) == (2, [])
    said = ["provider had a character that cannot be stored"]
    assert sql("SELECT warnings FROM events WHERE starts_with(provider, 'open\ufffd')") == [(said,)]


def test_half_a_surrogate_pair_excuses_nothing_else(client, make_event, sql):
    broken = [make_event(model="m\ud800", status="fine"), make_event(model="m\ud800", warnings="none"), "\ud800", 7]
    answer = client.post("/v1/events/batch", content=json.dumps({"events": [make_event(), *broken]})).json()
    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (1, [1, 2, 3, 4])
    assert client.post("/v1/events/batch", content=json.dumps({"events": ["\ud800"] * 1001})).status_code == 413


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("", 400, "is not JSON"),
        ("{", 400, "is not JSON"),
        ('{"events": [', 400, "is not JSON"),
        ("[]", 400, 'send {"events": [ … ]}'),
        ('{"event": []}', 400, 'send {"events": [ … ]}'),
        ('{"events": {}}', 400, 'send {"events": [ … ]}'),
        (b"\xff\xfe", 400, "is not JSON"),
        (b'{"events": "\xff"}', 400, 'send {"events": [ … ]}'),
        (b'["\xff"]', 400, 'send {"events": [ … ]}'),
        ('{"events": [' + ",".join(["{}"] * 1001) + "]}", 413, "at most 1000"),
        (b" " * (5 * 2**20 + 1), 413, ""),
    ],
)
def test_a_body_that_is_no_batch_is_a_problem(client, body, status, detail):
    response = client.post("/v1/events/batch", content=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["type"] == {400: "/problems/invalid-request", 413: "/problems/too-large"}[status]
    assert detail in problem["detail"]


def test_a_thousand_events_are_taken_and_none_too(post, make_event):
    assert post(*(make_event() for _ in range(1000)))["accepted"] == 1000
    assert post() == {"accepted": 0, "duplicates": 0, "rejected": []}


def test_compressed_bodies(client, make_event):
    body = json.dumps({"events": [make_event()]}).encode()

    def send(content, encoding="gzip"):
        return client.post("/v1/events/batch", content=content, headers={"Content-Encoding": encoding})

    assert send(gzip.compress(body)).json()["accepted"] == 1
    assert send(body, "identity").json()["duplicates"] == 1
    assert send(gzip.compress(b" " * 6 * 2**20)).status_code == 413
    assert send(gzip.compress(body)[:-9]).status_code == 400
    assert send(gzip.compress(body) + b"more").status_code == 400
    assert send(body).status_code == 400
    assert send(body, "br").status_code == 415


def test_one_event(client, make_event):
    response = client.post("/v1/events", json=make_event())
    assert (response.status_code, response.json()["accepted"]) == (202, 1)
    problem = client.post("/v1/events", json=make_event(tags={"": "x"})).json()
    assert (problem["status"], problem["errors"][0]["field"]) == (400, "tags")
    problem = client.post("/v1/events", json=make_event(model=...)).json()
    assert (problem["status"], problem["errors"]) == (400, [{"field": "model", "reason": "is missing"}])


def test_contradictions_in_usage_are_mended_and_marked(post, make_event, sql):
    post(make_event(usage={"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 12}))
    stored = sql("SELECT cache_read_tokens, warnings FROM events")
    assert stored == [(10, ["cache_read_tokens 12 > input_tokens 10"])]


def test_other_names_of_a_provider_are_one(post, make_event, sql):
    post(make_event(provider="az.ai.openai"), make_event(provider="Azure_OpenAI"))
    assert sql("SELECT DISTINCT provider FROM events") == [("azure",)]


def test_events_older_than_the_retention_are_refused(settings, headers, make_event):
    kept = Settings(home=settings.home, database_url=settings.database_url, retention=timedelta(days=30))
    with TestClient(create_app(kept)) as client:
        old, young = make_event(occurred_at=future(days=-31)), make_event(occurred_at=future(days=-29))
        answer = client.post("/v1/events/batch", json={"events": [old, young]}, headers=headers).json()
    assert (answer["accepted"], [each["field"] for each in answer["rejected"]]) == (1, ["occurred_at"])


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer tb_ak_" + "0" * 32, "Bearer tb_ak_" + "0" * 31],
)
def test_without_a_valid_key_nothing_is_taken(client, make_event, sql, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    del client.headers["Authorization"]
    response = client.post("/v1/events/batch", json={"events": [make_event()]}, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert sql("SELECT count(*) FROM events") == [(0,)]


def test_late_events_of_any_year_are_stored(post, make_event, sql):
    post(make_event(occurred_at="2020-02-29T12:00:00Z"), make_event(occurred_at="2021-06-01T00:00:00+05:30"))
    assert sql("SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1") == [("events_default", 2)]
    assert sql("SELECT min(day)::text, max(day)::text FROM spend_day") == [("2020-02-29", "2021-05-31")]
    assert sql("SELECT bucket FROM usage_15m ORDER BY 1")[1] == (datetime(2021, 5, 31, 18, 30, tzinfo=UTC),)


@pytest.mark.parametrize(
    "id_", [uuid7(), "018bcfe5-6800-7000-8000-000000000000", str(uuid4())], ids=["of now", "of long ago", "random"]
)
@pytest.mark.parametrize(
    "step",
    [{"microseconds": 1}, {"seconds": -1}, {"hours": -1}, {"days": -40}, {"days": -400}],
    ids=lambda step: " ".join(f"{count} {unit}" for unit, count in step.items()),
)
def test_the_same_id_at_another_time_is_the_same_event(post, make_event, sql, id_, step):
    when = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)  # In another month, if it is later.
    first, again = (make_event(id=id_, occurred_at=at.isoformat()) for at in (when, when + timedelta(**step)))
    other = make_event()
    assert post(first, again, other) == {"accepted": 2, "duplicates": 1, "rejected": []}
    assert post(again) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert post(make_event(), {**again, "model": "another"}, first)["accepted"] == 1
    assert sql("SELECT occurred_at, model FROM events WHERE id = %s", id_) == [(when, first["model"])]
    for table in ("usage_15m", "spend_day"):
        assert sql(f"SELECT sum(requests) FROM {table}") == [(3,)]


def test_of_several_requests_at_once_one_stores_an_event(client, make_event, sql):
    events = [make_event() for _ in range(50)]

    def send(number):
        at = future(seconds=-number)
        batch = [{**event, "occurred_at": at} for event in (events if number % 2 else events[::-1])]
        answer = client.post("/v1/events/batch", content=json.dumps({"events": batch})).json()
        assert answer["accepted"] + answer["duplicates"] == 50
        return answer["accepted"]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(16))) == 50
    assert sql("SELECT count(*), count(DISTINCT id) FROM events") == [(50, 50)]
    assert sql("SELECT sum(requests) FROM spend_day") == [(50,)]
