"""What a plan with a fixed price covers: stored, summed up and priced again beside what is billed by the token."""

import pytest

pytestmark = pytest.mark.postgres

TOKENS = {"input_tokens": 1000, "output_tokens": 200}
COST = 0.00027
"""Of these tokens by gpt-4o-mini, US dollars."""


def test_a_call_that_a_plan_covers_is_not_spend_and_has_a_list_cost(client, post, make_event, sql):
    sent = [
        make_event(usage=TOKENS, billing=billing, source="import") for billing in ("api", "subscription", "unknown")
    ]
    assert post(*sent)["accepted"] == 3
    stored = {row["id"]: row for row in client.get("/api/events").json()["rows"]}
    found = [stored[event["id"]] for event in sent]
    assert [row["billing"] for row in found] == ["api", "subscription", "unknown"]
    assert [row["cost_usd"] for row in found] == [COST, 0, COST]
    assert [row.get("list_cost_usd") for row in found] == [None, COST, None]
    assert {row["source"] for row in found} == {"import"}
    assert float(sql("SELECT sum(cost_usd) FROM spend_day")[0][0]) == float(
        sql("SELECT sum(cost_usd) FROM usage_15m")[0][0]
    )
    assert float(sql("SELECT sum(cost_usd) FROM spend_day")[0][0]) == 2 * COST


def test_answers_have_both_measures_and_split_by_billing(client, post, make_event):
    post(*(make_event(usage=TOKENS, billing=billing) for billing in ("api", "subscription")))
    whole = client.get("/api/analytics/summary", params={"period": "24h"}).json()["summary"]
    assert (whole["cost_usd"], whole["list_cost_usd"]) == (COST, 2 * COST)
    rows = client.get("/api/analytics/query", params={"period": "24h", "by": "billing"}).json()["rows"]
    assert [(row["billing"], row["cost_usd"], row["list_cost_usd"]) for row in rows] == [
        ("api", COST, COST),
        ("subscription", 0, COST),
    ]


def test_an_unknown_way_of_billing_is_refused_by_name(client, post, make_event):
    (rejected,) = post(make_event(billing="free"))["rejected"]
    assert rejected["field"] == "billing"
    assert "api or subscription or unknown" in rejected["reason"]


def test_a_list_cost_that_cannot_be_summed_up_is_refused(post, make_event):
    sent = [
        make_event(list_cost_usd="1e30"),
        make_event(model="gpt-4", billing="subscription", usage={"input_tokens": 10**12, "output_tokens": 10**12}),
    ]
    assert [rejected["field"] for rejected in post(*sent)["rejected"]] == ["list_cost_usd", "usage"]
