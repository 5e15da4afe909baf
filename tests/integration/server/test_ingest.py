"""``POST /v1/events`` and ``/v1/events/batch``: what is stored and refused; nothing is lost or doubled."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

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
        ({"provider": ""}, "provider", "must not be empty"),
        ({"model": "m" * 257}, "model", "longer than 256"),
        ({"error_type": "a\0b"}, "error_type", "U+0000"),
        ({"status": "fine"}, "status", "Invalid enum value"),
        ({"tags": {f"k{i}": "v" for i in range(21)}}, "tags", "at most 20"),
        ({"tags": {"sp ace": "v"}}, "tags", "'sp ace'"),
        ({"tags": {"k" * 65: "v"}}, "tags", "1 to 64"),
        ({"tags": {"feature": "v" * 257}}, "tags.feature", "longer than 256"),
        ({"tags": {"feature": "a\0b"}}, "tags.feature", "U+0000"),
        ({"tags": {"feature": 1}}, "tags[...]", "Expected `str`"),
        ({"metadata": {"note": "x" * 5000}}, "metadata", "at most 4096"),
        ({"metadata": {"note": "a\0b"}}, "metadata", "U+0000"),
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
        ({"usage": {"tools": {"a\0b": 1}}}, "usage.tools.a\0b", "U+0000"),
        ({"usage": {"passes": [{"usage": {"passes": [{"usage": {}}]}}]}}, "usage.passes[0].usage.passes", "no passes"),
        ({"usage": {"reported_cost_usd": "2000000"}}, "usage.reported_cost_usd", "2000000"),
        ({"model": "gpt-4", "usage": {"input_tokens": 10**12, "output_tokens": 1}}, "usage", "would cost"),
        ({"warnings": ["a\0b"]}, "warnings", "U+0000"),
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


def test_half_a_surrogate_pair_spoils_one_event_only(client, make_event, sql):
    broken = json.dumps(make_event()).replace("openai", "open\\ud800ai")
    body = f'{{"events": [{json.dumps(make_event())}, {broken}]}}'
    answer = client.post("/v1/events/batch", content=body).json()
    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (1, [1])


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
        ('{"events": [' + ",".join(["{}"] * 1001) + "]}", 413, "at most 1000"),
        (b" " * (5 * 2**20 + 1), 413, ""),
    ],
)
def test_a_body_that_is_no_batch_is_a_problem(client, body, status, detail):
    response = client.post("/v1/events/batch", content=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
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


def test_the_same_id_at_another_time_is_another_event(post, make_event):
    id_ = uuid7()
    assert post(make_event(id=id_, occurred_at=future(hours=-1)), make_event(id=id_))["accepted"] == 2
