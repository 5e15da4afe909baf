"""Every fault of counting Codex' transcripts that is known, each with its count and cost by hand."""

from decimal import Decimal

import pytest

from tests.unit.imports.transcripts import codex, context, counted, meta, said, tokens, write
from tokenbudget.core.money import to_pico

COST = Decimal("0.00135")
"""Of `tokens()`: 200 in at $1.25 and 800 read at $0.125, 100 out (60 of them reasoning) at $10, each a million."""


def spawned(parent):
    return {"source": {"subagent": {"thread_spawn": {"parent_thread_id": parent, "agent_role": "worker"}}}}


def record(response, seconds=0.0):
    return codex("token_usage_record", {"response_id": response, "thread_id": "c1", "usage": tokens()}, seconds)


def settings(tier, seconds=0.0):
    payload = {"type": "thread_settings_applied", "thread_settings": {"service_tier": tier}}
    return codex("event_msg", payload, seconds)


FAULTS = {
    "one call": ([meta(), context(), said(), counted(1, seconds=5)], 1, COST),
    "the sum grows, each call is its difference": (
        [meta(), context(), counted(1, seconds=5), counted(2, seconds=9), counted(3, seconds=14)], 3, 3 * COST,
    ),
    "the same sum again is nothing": (
        [meta(), context(), counted(1, seconds=5), counted(1, seconds=6), counted(2, seconds=9), counted(2, seconds=9)],
        2, 2 * COST,
    ),
    "the last usage is missing: differences": (
        [meta(), context(), counted(1, {}, 5), counted(3, {}, 9)], 2, 3 * COST,
    ),
    "no sum at all: the last usage": (
        [meta(), context(), codex("event_msg", {"type": "token_count", "info": {"last_token_usage": tokens()}}, 5)],
        1, COST,
    ),
    "limits without counts": (
        [meta(), context(), codex("event_msg", {"type": "token_count", "info": None}, 1), counted(1, seconds=5)],
        1, COST,
    ),
    "the sum begins anew": (
        [meta(), context(), counted(2, seconds=5), counted(1, seconds=9), counted(2, seconds=12)], 3, 3 * COST,
    ),
    "the model changes": (  # gpt-5-mini: 200 in at $0.25, 800 read at $0.025, 100 out at $2
        [meta(), context(), counted(1, seconds=5), context("gpt-5-mini", 6), counted(2, seconds=9)],
        2, COST + Decimal("0.00027"),
    ),
    "no model is told": ([meta(), counted(1, seconds=5)], 1, Decimal(0)),
    "a fast tier is billed as priority": (  # gpt-5: 200 in at $2.50, 800 read at $0.25, 100 out at $20
        [meta(), context("gpt-5"), settings("fast"), counted(1, seconds=5)], 1, Decimal("0.0027"),
    ),
    "the default tier is none": ([meta(), context("gpt-5"), settings("default"), counted(1, seconds=5)], 1, COST),
    "counts by response, and their sum after each": (
        [meta(), context(), record("resp_1", 4), counted(1, seconds=5), record("resp_2", 8), counted(2, seconds=9)],
        2, 2 * COST,
    ),
    "past a context cliff": (  # gpt-5.4 above 272k: 300,000 in at $5, 100 out at $22.50
        [meta(), context("gpt-5.4"), counted(tokens(300_000, 0, 100, 0), tokens(300_000, 0, 100, 0), 5)],
        1, Decimal("1.50225"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_each_call_once_at_its_price(machine, case):
    records, calls, cost = FAULTS[case]
    write(machine.folder("codex") / "rollout-1.jsonl", *records)
    tally = machine.run("codex").agents["codex"]
    assert (tally.calls, tally.unknown) == (calls, {})
    found = machine.sums()
    assert (found[0], found[3]) == (calls, to_pico(cost))


HISTORY = [said(100), context(seconds=100.1), counted(1, seconds=100.1), counted(2, seconds=100.2), said(100.3)]
"""Of `PARENT`, as a fork repeats it: stamped with the time of the fork."""
PARENT = [meta(), context(), counted(1, seconds=5), counted(2, seconds=9)]
OWN = [context(seconds=104), counted(3, seconds=109), counted(4, seconds=115)]


@pytest.mark.parametrize("has_parent", [True, False])
@pytest.mark.parametrize("how", [{"forked_from_id": "c1"}, spawned("c1")], ids=["fork", "sub-agent"])
def test_a_fork_adds_its_own_calls_alone(machine, how, has_parent):
    folder = machine.folder("codex")
    if has_parent:
        write(folder / "rollout-1.jsonl", *PARENT)
    write(folder / "rollout-2.jsonl", meta("c2", 100, **how), meta(seconds=100), *HISTORY, *OWN)
    machine.run()
    calls = 4 if has_parent else 2
    assert machine.sums() == (calls, calls * 1000, calls * 100, to_pico(calls * COST))


def test_a_fork_of_a_fork_adds_its_own_calls_alone(machine):
    folder = machine.folder("codex")
    write(folder / "rollout-1.jsonl", *PARENT)
    write(folder / "rollout-2.jsonl", meta("c2", 100, forked_from_id="c1"), *HISTORY, *OWN)
    again = [counted(total, seconds=200 + total / 10) for total in (1, 2, 3, 4)]
    write(folder / "rollout-3.jsonl", meta("c3", 200, forked_from_id="c2"), *again, counted(5, seconds=209))
    machine.run()
    assert machine.sums()[0] == 5


def test_history_that_keeps_its_own_time_is_not_counted_again(machine):
    folder = machine.folder("codex")
    slow = [meta(), context(), counted(1, seconds=5), counted(2, seconds=70)]
    write(folder / "rollout-1.jsonl", *slow)
    write(folder / "rollout-2.jsonl", meta("c2", 100, forked_from_id="c1"), *slow, *OWN)
    machine.run()
    assert machine.sums()[0] == 4


def test_a_sub_agent_without_its_parents_history_counts_from_its_first_call(machine):
    folder = machine.folder("codex")
    write(folder / "rollout-1.jsonl", *PARENT)
    write(folder / "rollout-2.jsonl", meta("c2", 100, **spawned("c1")), context(seconds=100), counted(1, seconds=130))
    machine.run()
    assert machine.sums()[0] == 3
    assert [row["tag_sub_agent"] for row in machine.events()] == [None, None, "worker"]


def test_a_sub_agent_that_begins_like_its_parent_is_not_its_parents_history(machine):
    folder = machine.folder("codex")
    write(folder / "rollout-1.jsonl", *PARENT)
    write(folder / "rollout-2.jsonl", meta("c2", 100, **spawned("c1")), context(seconds=100), counted(1, seconds=105))
    machine.run()
    assert machine.sums()[0] == 3


def test_a_session_is_read_on_where_it_was_left(machine):
    path = machine.folder("codex") / "rollout-1.jsonl"
    lines = [meta(), context(), counted(1, {}, 5), counted(1, {}, 6), counted(2, {}, 9), counted(4, {}, 12)]
    for end in range(1, len(lines) + 1):
        write(path, *lines[:end])
        machine.run()
    assert machine.sums() == (3, 4000, 400, to_pico(4 * COST))


def test_why_counts_are_none_is_told(machine):
    write(machine.folder("codex") / "rollout-1.jsonl", *PARENT, counted(2, seconds=10))
    write(machine.folder("codex") / "rollout-2.jsonl", meta("c2", 100, forked_from_id="c1"), *HISTORY, *OWN)
    assert machine.run().agents["codex"].skipped == {
        "the same total again: nothing was added": 1,
        "history of the session that this one was forked from": 2,
    }


def test_of_an_archived_copy_the_active_one_counts(machine):
    write(machine.folder("codex") / "rollout-1.jsonl", *PARENT)
    write(machine.home / "codex" / "archived_sessions" / "2026" / "10" / "05" / "rollout-1.jsonl", *PARENT[:3])
    tally = machine.run().agents["codex"]
    assert (tally.files, tally.calls) == (1, 2)


def test_a_session_that_is_archived_later_is_not_counted_again(machine):
    path = write(machine.folder("codex") / "rollout-1.jsonl", *PARENT)
    machine.run()
    archived = machine.home / "codex" / "archived_sessions" / "rollout-1.jsonl"
    archived.parent.mkdir()
    path.rename(archived)
    assert machine.run().agents["codex"].known == 2
    assert machine.sums()[0] == 2


def test_a_plan_that_the_limits_name_covers_the_calls(machine):
    write(
        machine.folder("codex") / "rollout-1.jsonl",
        meta(),
        context(),
        counted(1, seconds=5, rate_limits={"plan_type": "plus"}),
    )
    report = machine.run()
    (event,) = machine.events()
    assert (event["billing"], event["cost_pico"], event["list_cost_pico"]) == ("subscription", 0, to_pico(COST))
    assert (report.cost_usd, report.list_cost_usd) == (0, COST)
