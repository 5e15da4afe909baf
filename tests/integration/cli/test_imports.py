"""``tokenbudget import``, ``summary``, ``top``: what people see."""

import json

import pytest
from click.testing import CliRunner

from tests.unit.imports.conftest import machine, make_machine  # noqa: F401 (fixtures)
from tests.unit.imports.transcripts import claude, context, counted, meta, write
from tokenbudget import cli


@pytest.fixture
def run(machine, monkeypatch):  # noqa: F811
    """Run commands in a terminal of some width, with transcripts of two agents imported."""
    write(machine.folder("claude-code") / "s1.jsonl", claude(), claude("msg_2", "req_2", 9, output_tokens=5000))
    write(machine.folder("codex") / "rollout-1.jsonl", meta(), context(), counted(1, seconds=5))

    def invoke(*arguments, width=100):
        monkeypatch.setenv("COLUMNS", str(width))
        done = CliRunner().invoke(cli.main, arguments, prog_name="tokenbudget")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return invoke


def test_an_import_says_what_it_found_and_how_to_say_who_pays(run):
    said = run("import", "claude-code")
    assert said.startswith("Claude Code: 2 new calls in 1 file\n  $0.0796; 2,620 tokens in, 5,050 out\n")
    assert 'claude-code = "subscription"' in said
    assert run("import").splitlines()[:2] == ["Claude Code: 0 new calls in 1 file", "Codex: 1 new call in 1 file"]


def test_an_import_as_json(run):
    told = json.loads(run("import", "--json", "--billing", "subscription"))
    assert (told["calls"], told["cost_usd"], told["list_cost_usd"]) == (3, "0", "0.080910000000")
    assert told["agents"]["claude-code"]["models"] == {"claude-sonnet-4-5-20250929": "0.079560000000"}
    assert told["agents"]["codex"]["blind"]


def test_a_dry_run_says_so(run):
    assert run("import", "--dry-run").startswith("Would import (nothing was recorded):\nClaude Code: 2 new calls")
    assert "no calls are recorded" in run("summary")


def test_quiet_prints_nothing(run):
    assert run("import", "--quiet") == ""


def test_explaining_a_file_goes_line_by_line_and_imports_nothing(run, machine):  # noqa: F811
    path = write(
        machine.folder("claude-code") / "s2.jsonl",
        claude("msg_3", "req_3", output_tokens=1),
        {"type": "user", "message": {"content": "hi"}},
        claude("msg_3", "req_3", 1),
        claude("msg_3", "req_9", 2, side=True),
        claude(model="<synthetic>"),
    )
    said = run("import", "--explain", str(path)).splitlines()
    assert said[1:5] == [
        "     1  + call msg_3/req_3: claude-sonnet-4-5-20250929, 1,310 in, 1 out",
        "     3  ↑ the same call, streamed further: claude-sonnet-4-5-20250929, 1,310 in, 50 out",
        "     4  = call msg_3/req_3, replayed in a side conversation: claude-sonnet-4-5-20250929, 1,310 in, 50 out",
        "     5  – made up by the agent itself (<synthetic>): no call",
    ]
    assert "cache_write_1h                        200 × $0.000006      $0.0012" in "\n".join(said)
    assert "1 call, $0.002655 at list price" in said
    assert "no calls are recorded" in run("summary")


def test_a_file_elsewhere_needs_the_agents_name(run, tmp_path):
    path = write(tmp_path / "copy.jsonl", claude())
    assert "say whose it is" in run("import", "--explain", str(path))
    assert "1 call, $0.002655" in run("import", "claude-code", "--explain", str(path))


SUMMARY = """\
2026-10
$0.0809 billed
3 calls · 3,620 tokens in (77.3 % from the cache), 5,150 out

model                       calls     in    out      cost   share
claude-sonnet-4-5-20250929      2  2,620  5,050   $0.0796  98.3 %  ████████████████████████
gpt-5-codex                     1  1,000    100  $0.00135   1.7 %  ▍
total                           3  3,620  5,150   $0.0809
"""
NARROW = """\
2026-10
$0.0809 billed
3 calls
3,620 tokens in (77.3 % from the cache), 5,150 out

model                  calls     in    out      cost   share
claude-sonnet-4-5-20…      2  2,620  5,050   $0.0796  98.3 %
gpt-5-codex                1  1,000    100  $0.00135   1.7 %
total                      3  3,620  5,150   $0.0809
"""


@pytest.mark.parametrize(("width", "expected"), [(100, SUMMARY), (60, NARROW)])
def test_a_summary_fits_the_terminal_and_is_plain_when_piped(run, width, expected):
    run("import")
    said = run("summary", "--by", "model", "--period", "2026-10", width=width)
    assert [line.rstrip() for line in said.splitlines()] == expected.splitlines()
    assert "\x1b" not in said


@pytest.mark.parametrize("width", [30, 40, 60, 72, 80, 100, 140])
def test_no_line_is_longer_than_the_terminal_and_no_figure_is_cut(run, width):
    run("import", "--billing", "subscription")
    said = run("top", "--period", "2026-10", width=width)
    assert max(map(len, said.splitlines())) <= width
    assert "$0.0796" in said


def test_what_a_plan_covers_is_told_apart_and_what_the_plan_was_worth(run, machine):  # noqa: F811
    machine.ours.mkdir(exist_ok=True)
    settings = '[billing]\nclaude-code = { default = "subscription", usd_per_month = 0.01 }\ncodex = "api"\n'
    (machine.ours / "config.toml").write_text(settings)
    run("import")
    said = run("summary", "--period", "2026-10", "--by", "billing")
    assert "$0.00135 billed" in said
    assert "$0.0809 API-equivalent" in said
    assert "Your claude-code plan was worth 7.7 × its fee" in said  # $0.0796 in 31 days, for $0.01 every 30.


def test_a_summary_as_json_has_the_names_of_the_metrics(run):
    run("import", "--billing", "api")
    told = json.loads(run("summary", "--by", "agent", "--period", "2026-10", "--json"))
    assert told["summary"]["requests"] == 3
    assert [(row["agent"], row["requests"]) for row in told["rows"]] == [("claude-code", 2), ("codex", 1)]


def test_a_period_that_is_not_understood_is_a_sentence(run):
    assert run("summary", "--period", "soon").startswith("Error: unknown period 'soon'")


def test_watching_imports_what_is_written_until_interrupted(run, machine, monkeypatch):  # noqa: F811
    from tokenbudget.cli import imports

    rounds = [
        lambda: write(machine.folder("claude-code") / "s2.jsonl", claude("msg_9", "req_9", 20)),
        lambda: write(machine.folder("claude-code") / "s2.jsonl", claude("msg_9", "req_9", 20, output_tokens=900)),
        lambda: None,
    ]

    def wait(_seconds):
        if not rounds:
            raise KeyboardInterrupt
        rounds.pop(0)()

    monkeypatch.setattr(imports.time, "sleep", wait)
    said = run("import", "claude-code", "--watch").splitlines()
    news = [line.partition(" ")[2] for line in said if "Claude Code: +" in line]
    assert news == ["Claude Code: +1, $0.00266", "Claude Code: +0, 1 amended, $0.00"]


def test_doctor_names_the_agent_that_deletes_transcripts(run, machine, monkeypatch):  # noqa: F811
    monkeypatch.setenv("TOKENBUDGET_URL", "")
    assert "i Claude Code deletes transcripts after 30 days" in run("doctor")
