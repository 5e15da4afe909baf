"""``tokenbudget run``: any command, measured, with its own exit status."""

import json
import os
import subprocess
import sys

import pytest

JOB = """
import threading
import tokenbudget as tb

def call():
    tb.record(provider="openai", model="gpt-4o-mini", usage={"input_tokens": 1000, "output_tokens": 100})

thread = threading.Thread(target=call)
thread.start()
thread.join()
tb.record(provider="anthropic", model="no-such-model", usage={"input_tokens": 10, "output_tokens": 1})
"""


@pytest.fixture
def run(tmp_path):
    """Run `tokenbudget run` in a home of its own; `python` in a command is this one."""

    def command(*arguments, **variables):
        paths = os.pathsep.join(path for path in sys.path if path)
        known = {
            **os.environ,
            "TOKENBUDGET_HOME": str(tmp_path / "home"),
            "PYTHONPATH": paths,
            "COLUMNS": "80",
            **variables,
        }
        arguments = [sys.executable if part == "python" else part for part in arguments]
        return subprocess.run(
            [sys.executable, "-m", "tokenbudget", "run", *arguments],
            env=known, capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    return command


def test_calls_of_all_threads_are_summed_up_at_the_end(run):
    done = run("--", "python", "-c", JOB + "print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "2 calls in " in done.stderr
    assert "$0.00021" in done.stderr
    assert "1 call without a price, not included" in done.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("python", "-c", "raise SystemExit(7)"), 7),
        (("sh", "-c", "kill -9 $$"), 137),
        (("no-such-command",), 127),
        (("true", "--json", "-h"), 0),
    ],
)
def test_the_exit_status_is_the_commands(run, command, status):
    assert run("--", *command).returncode == status


def test_as_json_on_standard_error(run):
    done = run("--json", "--", "python", "-c", JOB)
    told = json.loads(done.stderr)
    assert (told["summary"]["requests"], told["summary"]["unpriced"]) == (2, 1)
    assert [row["model"] for row in told["models"]] == ["gpt-4o-mini", "no-such-model"]


def test_only_calls_of_the_run_count_and_they_keep_the_tags_of_the_environment(run):
    assert run("--", "python", "-c", JOB).returncode == 0
    done = run("--json", "--", "python", "-c", JOB, TOKENBUDGET_TAGS="team=search, bad key=1,empty=")
    assert json.loads(done.stderr)["summary"]["requests"] == 2
    code = "import tokenbudget as tb; print(tb.by('team', '30d', backend='polars')[['team', 'requests']].rows())"
    assert "('search', 2)" in run("--", "python", "-c", code).stdout


def test_clients_are_measured_without_a_word_in_the_program(run):
    code = "import sys; print(any(type(finder).__name__ == 'Watcher' for finder in sys.meta_path))"
    assert run("--", "python", "-c", code).stdout == "True\n"


def test_a_sitecustomize_of_the_users_is_loaded_as_well(run, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("print('mine')\n")
    paths = os.pathsep.join([str(tmp_path / "own"), *(path for path in sys.path if path)])
    assert run("--", "python", "-c", "print('program')", PYTHONPATH=paths).stdout.splitlines()[-2:] == [
        "mine",
        "program",
    ]
