import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from tests.unit.imports.agents.test_claude_code import COST
from tests.unit.imports.transcripts import SECRET, SONNET, START, write
from tokenbudget.core.money import to_pico


def message(id_="msg_1", seconds=0, **tokens):
    created = int(START.timestamp() * 1000) + seconds * 1000
    counts = {"input": 10, "output": 40, "reasoning": 10, "cache": {"read": 1000, "write": 300}, "total": 1360}
    return {
        "id": id_,
        "sessionID": "ses_1",
        "role": "assistant",
        "modelID": SONNET,
        "providerID": "anthropic",
        "time": {"created": created, "completed": created + 900},
        "path": {"cwd": "/home/ada/shop", "root": "/home/ada"},
        "cost": 0.5,
        "agent": "build",
        "summary": SECRET,
        "tokens": {**counts, **tokens},
    }


ALL_FOR_FIVE_MINUTES = COST - Decimal("0.00045")
"""200 tokens that were written for an hour at $3.75 instead of $6."""


def fill(path, *messages):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)")
        for told in messages:
            rest = {name: value for name, value in told.items() if name not in {"id", "sessionID"}}
            database.execute("INSERT OR REPLACE INTO message VALUES (?, 'ses_1', ?)", (told["id"], json.dumps(rest)))


@pytest.mark.parametrize(
    "tokens",
    [
        {},
        {"output": 50, "total": 1360},  # The output has the reasoning in it, as the total tells.
        {"output": 50, "total": None},
    ],
)
def test_a_message_of_the_database_is_a_call(machine, tokens):
    fill(machine.home / "data" / "opencode" / "opencode.db", message(**tokens))
    tally = machine.run("opencode").agents["opencode"]
    assert (tally.calls, tally.unknown) == (1, {})
    assert machine.sums() == (1, 1310, 50, to_pico(ALL_FOR_FIVE_MINUTES))
    event = machine.events()[0]
    assert (event["occurred_at"], event["tag_session_id"], event["tag_sub_agent"]) == (START, "ses_1", "build")


def test_files_of_earlier_versions_and_the_database_tell_of_the_same_messages(machine):
    home = machine.home / "data" / "opencode"
    write(home / "storage" / "message" / "ses_1" / "msg_1.json", message())
    write(home / "storage" / "message" / "ses_1" / "msg_0.json", {"id": "msg_0", "role": "user", "sessionID": "ses_1"})
    fill(home / "opencode.db", message(), message("msg_2", 9))
    machine.run()
    fill(home / "opencode.db", message("msg_3", 12))
    machine.run()
    assert machine.sums()[0] == 3
