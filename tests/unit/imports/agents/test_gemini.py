from decimal import Decimal

from tests.unit.imports.transcripts import SECRET, at, write
from tokenbudget.core.money import to_pico

COST = Decimal("0.006575")
"""Of `message()` by gemini-2.5-pro: 1,100 in at $1.25, 8,000 read at $0.125, 420 out at $10, each a million."""
HEAD = {"sessionId": "g1", "projectHash": "f" * 64, "startTime": at(), "lastUpdated": at()}


def message(id_="m1", seconds=0.0, **changes):
    counts = {"input": 9000, "output": 120, "cached": 8000, "thoughts": 300, "tool": 100, "total": 9520}
    told = {"id": id_, "timestamp": at(seconds), "type": "gemini", "content": SECRET, "model": "gemini-2.5-pro"}
    return {**told, "tokens": {**counts, **changes}}


def chats(machine):
    return machine.home / ".gemini" / "tmp" / "shop" / "chats"


def test_a_message_counts_once_as_it_was_last(machine):
    write(
        chats(machine) / "session-1.jsonl",
        HEAD,
        {"id": "u1", "timestamp": at(), "type": "user", "content": SECRET},
        {**message(), "tokens": None},
        message(),
        {"$set": {"lastUpdated": at(1)}},
        message(),
        {"$rewindTo": "m1"},
        {"$set": {"messages": [message(), message("m2", 9)]}},
    )
    tally = machine.run("gemini").agents["gemini"]
    assert (tally.calls, tally.unknown) == (2, {})
    # What tools put into the prompt is input, what was thought is output.
    assert machine.sums() == (2, 2 * 9100, 2 * 420, to_pico(2 * COST))
    event = machine.events()[0]
    assert (event["provider"], event["tag_session_id"], event["tag_project"]) == ("google", "g1", "shop")


def test_thoughts_and_tools_are_beside_also_where_no_total_tells(machine):
    write(chats(machine) / "session-1.jsonl", HEAD, message(total=None))
    machine.run()
    assert machine.sums() == (1, 9100, 420, to_pico(COST))


def test_a_session_of_an_earlier_version_is_one_document_and_is_read_again_as_it_grows(machine):
    path = chats(machine) / "session-1.json"
    write(path, {**HEAD, "messages": [message()]})
    machine.run()
    write(path, {**HEAD, "messages": [message(), message("m2", 9)]})
    assert machine.run().agents["gemini"].calls == 1
    assert machine.sums()[0] == 2


def test_a_sub_agents_session_lies_deeper_and_the_projects_path_beside_the_chats(machine):
    write(chats(machine) / "g1" / "g2.jsonl", {**HEAD, "sessionId": "g2", "kind": "subagent"}, message())
    (chats(machine).parent / ".project_root").write_text("/home/ada/till\n")
    machine.run()
    event = machine.events()[0]
    assert (event["tag_sub_agent"], event["tag_project"]) == ("sub-agent", "till")


def test_past_a_context_cliff_every_token_costs_more(machine):
    write(
        chats(machine) / "s.jsonl",
        HEAD,
        message(input=300_000, cached=0, output=100, thoughts=0, tool=0, total=300_100),
    )
    machine.run()
    assert machine.sums()[3] == to_pico(Decimal("0.7515"))  # 300,000 x $2.50 + 100 x $15
