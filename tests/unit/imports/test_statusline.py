import os
import subprocess
import sys

import pytest

from tests.unit.imports.transcripts import START, claude, write
from tokenbudget.imports import statusline
from tokenbudget.imports.state import index_of

NOW = START.timestamp() + 60


@pytest.fixture
def index(machine):
    folder = machine.folder("claude-code")
    write(
        folder / "s1.jsonl", claude(output_tokens=10_000), claude("msg_2", "req_2", -86_400 * 3, output_tokens=10_000)
    )
    write(folder / "s2.jsonl", claude("msg_3", "req_3", session="s2", output_tokens=20_000))
    machine.run(billing="api")
    return str(index_of(machine.ours))


def test_session_day_and_what_is_left_of_a_budget(index):
    # Of a call: its output at $15 a million, and $0.001905 beside.
    assert statusline.line(index, "s1", NOW, 1.0) == "$0.30 session · $0.45 today · $0.55 of $1.00 left"
    assert statusline.line(index, "", NOW) == "$0.45 today"
    assert statusline.line(index, "s2", NOW, 0.4) == "$0.30 session · $0.45 today · $0.05 over $0.40"


def test_what_a_plan_covers_is_no_spend(machine):
    write(machine.folder("claude-code") / "s1.jsonl", claude(output_tokens=10_000))
    machine.run(billing="subscription")
    shown = statusline.line(str(index_of(machine.ours)), "s1", NOW, 1.0)
    assert shown == "$0.15 API-equivalent session · $0.15 API-equivalent today · $1.00 of $1.00 left"


def test_before_anything_was_imported(tmp_path):
    assert statusline.line(str(tmp_path / "none.db"), "s1", NOW) == "tokenbudget: nothing imported yet"


@pytest.mark.parametrize(
    ("told", "session"),
    [('{"session_id":"s1"}', "s1"), ("", ""), ("{", ""), ("[]", ""), ('{"session_id":7}', "")],
)
def test_the_session_is_what_claude_code_says(told, session):
    assert statusline._session(told) == session


@pytest.mark.parametrize(
    ("arguments", "budget"),
    [
        ([], 0.0),
        (["--budget", "5"], 5.0),
        (["--budget=2.5"], 2.5),
        (["--budget"], None),
        (["--x"], None),
        (["--budget", "x"], None),
    ],
)
def test_arguments(arguments, budget):
    assert statusline._budget(arguments) == budget


def test_the_index_is_where_imports_have_it(machine, monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_HOME", str(machine.ours))
    assert statusline.index_path() == str(index_of(machine.ours))


def test_nothing_heavy_is_loaded_for_a_line(index, machine):
    (machine.ours / "imports" / "state.db.asked").touch()  # No import is due.
    environment = {**os.environ, "TOKENBUDGET_HOME": str(machine.ours), "PYTHONPATH": os.pathsep.join(sys.path)}
    code = """
import sys

sys.argv = ["tokenbudget", "statusline"]
try:
    from tokenbudget.__main__ import main

    main()
except SystemExit as end:
    print(end.code, sorted({"click", "msgspec", "polars", "rich", "subprocess"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, input="{}", capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["$0.00 today", "0 []"]
