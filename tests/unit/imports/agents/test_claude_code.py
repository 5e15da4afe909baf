"""Every fault of counting Claude Code's transcripts that is known, each with its count and cost by hand."""

import json
from decimal import Decimal

import pytest

from tests.unit.imports.transcripts import START, at, claude, user, write
from tokenbudget.core.money import to_pico

COST = Decimal("0.002655")
"""Of `claude()`: 10 in at $3, 1,000 read at $0.30, 100 written for 5 minutes at $3.75 and 200 for an hour at $6, 50 out
at $15, each a million."""
IN = 1310
"""Its tokens in, as Anthropic bills them: 10 + 1,000 + 300."""
ZEROS = {"input_tokens": 0, "output_tokens": 0}

FAULTS = {
    "one call": ([claude()], 1, IN, 50, COST),
    "a line for each block of the answer: the last usage counts": (
        [claude(output_tokens=1), claude(output_tokens=1, seconds=1), claude(seconds=2)], 1, IN, 50, COST,
    ),
    "lines out of order": ([claude(seconds=2), claude(output_tokens=1)], 1, IN, 50, COST),
    "two requests are two calls, whatever their message's id": (
        [claude(request="req_1"), claude(request="req_2", seconds=9)], 2, 2 * IN, 100, 2 * COST,
    ),
    "a side conversation replays its parent's message under another request": (
        [claude(), claude(request="req_2", seconds=9, side=True)], 1, IN, 50, COST,
    ),
    "the replay came first": (
        [claude(request="req_2", seconds=9, side=True), claude()], 1, IN, 50, COST,
    ),
    "two side conversations replay a message whose parent is gone": (
        [claude(request="req_2", side=True), claude(request="req_3", seconds=9, side=True)], 1, IN, 50, COST,
    ),
    "a side conversation has calls of its own": (
        [claude(), claude("msg_2", "req_2", 9, side=True)], 2, 2 * IN, 100, 2 * COST,
    ),
    "made up by the agent itself": ([claude(model="<synthetic>", usage=ZEROS), claude()], 1, IN, 50, COST),
    "no tokens": ([claude(usage=ZEROS)], 0, 0, 0, Decimal(0)),
    "sums that tools report": (
        [user(toolUseResult={"totalTokens": 9, "usage": {"input_tokens": 9, "output_tokens": 9}}), claude()],
        1, IN, 50, COST,
    ),
    "a sub-agent's answer, told in its parent's transcript as well": (
        [
            claude("msg_2", "req_2", side=True),
            {"type": "progress", "sessionId": "s1", "data": {"message": claude("msg_2", "req_2", side=True)}},
        ],
        1, IN, 50, COST,
    ),
    "all written for five minutes where no lifetime is told": (
        # 10 x $3 + 1,000 x $0.30 + 300 x $3.75 + 50 x $15
        [claude(cache_creation=None)], 1, IN, 50, Decimal("0.002205"),
    ),
    "fast": ([claude(model="claude-opus-4-8", speed="fast")], 1, IN, 50, Decimal("0.00885")),
    # 10 x $5 + 1,000 x $0.50 + 100 x $6.25 + 200 x $10 + 50 x $25, twice
    "a model that is not in the book": ([claude(model="glm-9")], 1, IN, 50, Decimal(0)),
    "a search in the answer itself": (  # $10 a thousand
        [claude(server_tool_use={"web_search_requests": 2})], 1, IN, 50, COST + Decimal("0.02"),
    ),
    "half a line": ([claude(), json.dumps(claude("msg_2"))[:200]], 1, IN, 50, COST),
    "a last line without its end": ([claude(), json.dumps(claude("msg_2"))], 2, 2 * IN, 100, 2 * COST),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_each_call_once_at_its_price(machine, case):
    records, *expected, cost = FAULTS[case]
    write(machine.folder("claude-code") / "s1.jsonl", *records)
    report = machine.run("claude-code")
    assert machine.sums() == (*expected, to_pico(cost))
    tally = report.agents["claude-code"]
    assert (tally.calls, tally.unknown) == (expected[0], {})


def test_gateways_number_messages_anew_in_each_session(machine):
    for session in ("s1", "s2"):
        write(
            machine.folder("claude-code") / f"{session}.jsonl",
            claude("gen-1", None, session=session, output_tokens=1),
            claude("gen-1", None, 1, session=session),
        )
    machine.run()
    assert machine.sums()[:3] == (2, 2 * IN, 100)
    assert {row["response_id"] for row in machine.events()} == {None}


def test_a_resumed_session_that_copied_lines_adds_its_own_alone(machine):
    folder = machine.folder("claude-code")
    write(folder / "s1.jsonl", claude(), claude("msg_2", "req_2", 5))
    write(
        folder / "s2.jsonl",
        claude(session="s2"),
        claude("msg_2", "req_2", 5, session="s2"),
        claude("msg_3", "req_3", 9),
    )
    machine.run()
    assert machine.sums() == (3, 3 * IN, 150, to_pico(3 * COST))


def test_what_is_not_understood_is_reported_with_its_place_and_not_counted(machine):
    path = write(
        machine.folder("claude-code") / "s1.jsonl",
        claude(),
        {"type": "assistant", "message": {"id": "msg_2", "usage": {"input_tokens": 5}}},
        {"type": "assistant", "message": {"id": 7, "usage": ["?"]}},
        '{"usage": torn\n',
    )
    tally = machine.run("claude-code").agents["claude-code"]
    assert (tally.calls, sum(tally.unknown.values())) == (1, 3)
    assert [example.partition(", byte ")[0] for example in tally.examples] == [str(path)] * 3
    assert "not understood" in str(machine.run("claude-code", again=True))


def test_tags_tell_where_a_call_was_made_and_by_which_sub_agent(machine):
    folder = machine.folder("claude-code")
    write(folder / "s1.jsonl", claude())
    write(folder / "s1" / "subagents" / "agent-7.jsonl", claude("msg_2", "req_2", 9, side=True))
    write(folder / "s1" / "subagents" / "agent-7.meta.json", {"agentType": "Explore"})
    machine.run()
    main, sub = machine.events()
    assert (main["occurred_at"], main["provider"], main["model"]) == (START, "anthropic", "claude-sonnet-4-5-20250929")
    assert (main["source"], main["operation"], main["response_id"]) == ("import", "messages", "msg_1")
    tags = {key.removeprefix("tag_"): value for key, value in main.items() if key.startswith("tag_") and value}
    assert tags == {
        "agent": "claude-code", "session_id": "s1", "project": "shop", "branch": "main", "agent_version": "2.1.0",
    }  # fmt: skip
    assert (sub["tag_sub_agent"], main["project"]) == ("Explore", "shop")


def test_the_path_of_a_project_is_a_tag_only_when_asked_for(machine):
    write(machine.folder("claude-code") / "s1.jsonl", claude())
    machine.run(path=True)
    assert machine.events()[0]["tag_path"] == "/home/ada/shop"


def test_every_directory_that_is_named_counts_and_a_link_to_one_does_not_twice(machine, monkeypatch):
    one, two = machine.home / "one", machine.home / "two"
    write(one / "projects" / "p" / "s1.jsonl", claude())
    write(two / "projects" / "p" / "s2.jsonl", claude("msg_2", "req_2"))
    (machine.home / "link").symlink_to(one)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{one}, {two},{machine.home / 'link'}")
    report = machine.run("claude-code").agents["claude-code"]
    assert (report.files, report.calls, report.known) == (2, 2, 0)


def test_times_of_other_zones_are_utc(machine):
    line = claude()
    line["timestamp"] = at().replace("10:00:00Z", "12:00:00+02:00")
    write(machine.folder("claude-code") / "s1.jsonl", line)
    machine.run()
    assert machine.events()[0]["occurred_at"] == START
