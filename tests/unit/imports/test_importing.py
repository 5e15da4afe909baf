"""Importing: once, whatever is read again; amended when a call has grown; and no word of what was said."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.imports.agents.test_claude_code import COST, IN
from tests.unit.imports.conftest import EVER, Machine
from tests.unit.imports.transcripts import (
    SECRET,
    SONNET,
    append,
    claude,
    context,
    counted,
    meta,
    said,
    user,
    write,
)
from tokenbudget import config
from tokenbudget.core.errors import TranscriptError
from tokenbudget.core.money import to_pico
from tokenbudget.imports import importing
from tokenbudget.journal import compact
from tokenbudget.ledger.local import LocalSource
from tokenbudget.ledger.sealed import to_sealed
from tokenbudget.pricing import prices
from tokenbudget.recording import recorder


def session(machine, name="s1"):
    return machine.folder("claude-code") / f"{name}.jsonl"


def seal(machine):
    recorder.shutdown()
    compact(machine.ours, to_sealed, min_bytes=0, min_segments=0)


def test_importing_again_adds_nothing(machine):
    write(session(machine), claude(), claude("msg_2", "req_2", 9))
    assert machine.run().calls == 2
    before = machine.events()
    again = machine.run(again=True)
    assert (again.calls, again.agents["claude-code"].known) == (0, 2)
    assert machine.run().agents["claude-code"].read == 0
    assert machine.events() == before


def test_without_the_index_the_events_are_the_same_ones(machine):
    write(session(machine), claude(), claude("msg_2", "req_2", 9))
    machine.run()
    before = machine.events()
    recorder.shutdown()
    (machine.ours / "imports" / "state.db").unlink()
    assert machine.run().calls == 2
    assert machine.events() == before


def test_only_what_is_new_in_a_file_is_read(machine, monkeypatch):
    path = write(session(machine), claude(), claude("msg_2", "req_2", 9))
    size = path.stat().st_size
    machine.run()
    append(path, claude("msg_3", "req_3", 12))
    tally = machine.run().agents["claude-code"]
    assert (tally.bytes, tally.calls) == (path.stat().st_size - size, 1)
    monkeypatch.setattr(importing.lines, "read_lines", lambda *_: pytest.fail("there is nothing new"))
    machine.run()


def test_a_file_that_was_replaced_is_read_from_its_beginning(machine):
    path = write(session(machine), claude(), claude("msg_2", "req_2", 9))
    machine.run()
    path.unlink()
    write(path, claude("msg_3", "req_3", 12))
    machine.run()
    assert machine.sums()[0] == 3


def test_a_file_that_was_written_anew_in_its_place_is_read_from_its_beginning(machine):
    path = write(session(machine), claude(output_tokens=1), claude("msg_2", "req_2", 9))
    machine.run()
    write(path, claude(output_tokens=900), claude("msg_3", "req_3", 9), claude("msg_4", "req_4", 12))
    report = machine.run().agents["claude-code"]
    assert (report.calls, report.amended) == (2, 1)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_call_that_was_still_streamed_is_amended(machine, sealed):
    path = write(session(machine), claude("msg_0", "req_0", -9), claude(output_tokens=1))
    machine.run()
    if sealed:
        seal(machine)
    first = machine.events()[1]
    append(path, claude(seconds=3))
    report = machine.run().agents["claude-code"]
    assert (report.calls, report.amended) == (0, 1)
    assert machine.sums() == (2, 2 * IN, 100, to_pico(2 * COST))
    event = machine.events()[1]
    assert (event["id"], event["occurred_at"]) == (first["id"], first["occurred_at"])
    seal(machine)
    assert machine.sums() == (2, 2 * IN, 100, to_pico(2 * COST))


def test_a_call_that_grows_waits_as_a_server_keeps_its_first_record(machine, monkeypatch):
    config.configure(home=machine.ours, url="http://127.0.0.1:9", api_key="tb_ak_" + "0" * 32)
    sent = []
    before = recorder.set_sink(sent.append)
    try:
        path = write(session(machine), claude(output_tokens=1))
        monkeypatch.setattr(importing, "_STREAMING", timedelta(days=36_500))
        assert machine.run().agents["claude-code"].skipped == {"still written, imported next time": 1}
        assert sent == []
        append(path, claude(seconds=3))
        monkeypatch.setattr(importing, "_STREAMING", timedelta())
        assert machine.run().agents["claude-code"].calls == 1
        assert [event.usage.output_tokens for event in sent] == [50]
        assert machine.run().agents["claude-code"].calls == 0
    finally:
        recorder.set_sink(before)


def test_a_reader_that_knows_the_first_record_sees_the_amended_one(machine):
    path = write(session(machine), claude(output_tokens=1))
    machine.run()
    source = LocalSource(machine.ours)
    assert source.scan(*EVER).collect()["output_tokens"].to_list() == [1]
    append(path, claude(seconds=3))
    machine.run()
    assert source.scan(*EVER).collect()["output_tokens"].to_list() == [50]
    seal(machine)
    assert source.scan(*EVER).collect()["output_tokens"].to_list() == [50]
    append(path, claude(seconds=4, output_tokens=70))
    machine.run()
    assert source.scan(*EVER).collect()["output_tokens"].to_list() == [70]


def test_no_word_of_a_prompt_or_an_answer_is_kept(machine):
    write(session(machine), user(), claude(), user(toolUseResult={"usage": {}, "content": SECRET}))
    write(machine.folder("codex") / "rollout-1.jsonl", meta(), said(), context(), counted(1, seconds=5), said())
    machine.run()
    seal(machine)
    machine.run(again=True, billing="api")
    recorder.flush()
    kept = [path for path in machine.ours.rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} >= {".parquet", ".seg", ".db"}
    for path in kept:
        content = path.read_bytes() if path.suffix != ".parquet" else str(pl.read_parquet(path).to_dicts()).encode()
        assert SECRET.encode() not in content, path


def test_calls_before_a_day_are_passed_over_until_they_are_asked_for(machine):
    write(session(machine), claude("msg_1", "req_1", -86_400), claude("msg_2", "req_2", 9))
    assert machine.run(since=datetime(2026, 10, 5, tzinfo=UTC)).calls == 1
    assert machine.run(since=datetime(2026, 10, 5, tzinfo=UTC)).agents["claude-code"].read == 0
    assert machine.run().calls == 1
    assert machine.sums()[0] == 2


def test_what_was_passed_over_in_new_lines_is_found_by_an_earlier_day(machine):
    path = write(session(machine), claude("msg_1", "req_1", -86_400))
    machine.run(since=datetime(2026, 10, 4, tzinfo=UTC))
    append(path, claude("msg_2", "req_2", -80_000))
    assert machine.run(since=datetime(2026, 10, 5, tzinfo=UTC)).calls == 0
    assert machine.run(since=datetime(2026, 10, 4, tzinfo=UTC)).calls == 1


def test_a_dry_run_keeps_nothing(machine):
    write(session(machine), claude())
    report = machine.run(dry_run=True)
    assert (report.calls, report.list_cost_usd, machine.events()) == (1, COST, [])
    assert machine.run().calls == 1


def test_a_call_costs_what_its_day_did(machine):
    november = claude("msg_2", "req_2", 40 * 86_400)
    prices.set(provider="anthropic", model=SONNET, multiplier="2", effective_from="2026-11-01")
    write(session(machine), claude(), november)
    machine.run()
    assert [row["cost_pico"] for row in machine.events()] == [to_pico(COST), to_pico(2 * COST)]


def test_a_plan_covers_what_the_settings_say_by_directory(machine, monkeypatch):
    homes = [machine.home / name for name in ("own", "work")]
    for number, home in enumerate(homes):
        write(home / "projects" / "p" / f"{number}.jsonl", claude(f"msg_{number}", f"req_{number}", number))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", ",".join(map(str, homes)))
    write(
        machine.ours / "config.toml", f'[billing]\nclaude-code = {{ default = "subscription", "{homes[1]}" = "api" }}\n'
    )
    report = machine.run()
    assert [(row["billing"], row["cost_pico"], row["list_cost_pico"]) for row in machine.events()] == [
        ("subscription", 0, to_pico(COST)),
        ("api", to_pico(COST), None),
    ]
    assert (report.cost_usd, report.list_cost_usd) == (COST, 2 * COST)


@pytest.mark.parametrize("sealed", [False, True])
def test_how_calls_are_billed_can_be_said_afterwards(machine, sealed):
    write(session(machine), claude())
    machine.run()
    assert machine.events()[0]["billing"] == "unknown"
    if sealed:
        seal(machine)
    write(machine.ours / "config.toml", '[billing]\nclaude-code = "subscription"\n')
    assert machine.run(again=True).agents["claude-code"].amended == 1
    (event,) = machine.events()
    assert (event["billing"], event["cost_pico"], event["list_cost_pico"]) == ("subscription", 0, to_pico(COST))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_call_that_a_wrapped_client_recorded_is_not_imported(machine, sealed):
    import tokenbudget as tb

    usage = {"input_tokens": IN, "output_tokens": 50}
    moment = datetime(2026, 10, 5, 9, 59, 58, tzinfo=UTC)
    tb.record(provider="anthropic", model=SONNET, usage=usage, response_id="msg_1", occurred_at=moment)
    if sealed:
        seal(machine)
    write(session(machine), claude(), claude("msg_2", "req_2", 9))
    tally = machine.run().agents["claude-code"]
    assert (tally.calls, tally.elsewhere) == (1, 1)
    assert sorted(row["source"] for row in machine.events()) == ["import", "python"]


def test_two_imports_at_once_wait_for_each_other(machine):
    from tokenbudget.imports.state import opened

    write(session(machine), claude())
    with opened(machine.ours), pytest.raises(TranscriptError, match="another import is under way"):
        machine.run(wait=0.05)
    assert machine.run().calls == 1


def test_an_index_that_is_damaged_says_what_to_do(machine):
    write(session(machine), claude())
    machine.run()
    (machine.ours / "imports" / "state.db").write_bytes(b"no database, but long enough to be looked at as one" * 40)
    with pytest.raises(TranscriptError, match="delete it"):
        machine.run()


def test_nothing_is_imported_while_recording_is_off(machine):
    config.configure(enabled=False)
    with pytest.raises(TranscriptError, match="switched off"):
        machine.run()
    config.configure(enabled=True)


def test_an_unknown_agent_names_those_there_are(machine):
    with pytest.raises(TranscriptError, match="claude-code, codex, gemini, opencode or all"):
        machine.run("copilot")


def test_many_calls_are_settled_in_between_and_the_rest_is_read_on(machine, monkeypatch):
    monkeypatch.setattr(importing, "_MOST_PENDING", 3)
    write(
        session(machine),
        *(claude(f"msg_{n}", f"req_{n}", n, output_tokens=made) for n in range(10) for made in (1, 50)),
    )
    told = []
    report = importing.run(
        "claude-code", importing.Options(), lambda progress: told.append((progress.done, progress.total))
    )
    assert (report.calls, machine.sums()) == (10, (10, 10 * IN, 500, to_pico(10 * COST)))
    assert told == sorted(told)
    assert told[-1] == (session(machine).stat().st_size,) * 2


CALLS = 6


def transcripts():
    """Write two sessions of Claude Code's, each call in up to three growing lines, some copied, and one of Codex'."""
    lines = [
        claude(f"msg_{n}", f"req_{n}", n * 5 + step, output_tokens=made, session=f"s{n % 2}")
        for n in range(CALLS)
        for step, made in enumerate((1, 20, 50))
    ]
    copied = [{**line, "sessionId": "s9"} for line in lines[:9]]
    side = [claude("msg_0", "req_90", 90, side=True), claude("msg_1", "req_91", 91, side=True)]
    totals = [meta(), context(), *(counted(total, seconds=total * 5) for total in range(1, 5))]
    return {"s0": lines[:9], "s1": lines[9:], "s9": copied + side}, {"rollout-1": totals}


CLAUDE, CODEX = transcripts()
EXPECTED = (
    CALLS + 4,
    CALLS * IN + 4 * 1000,
    CALLS * 50 + 4 * 100,
    to_pico(CALLS * COST + 4 * Decimal("0.00135")),
)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.floats(0.1, 1), min_size=5, max_size=5))
def test_shuffled_doubled_cut_read_again_and_merged_the_sums_are_the_same(tmp_path_factory, seed, cuts):
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        machine = Machine(home)
        patch.setenv("HOME", str(home))
        patch.setenv("CLAUDE_CONFIG_DIR", f"{home / 'claude'},{home / 'other'}")  # Two machines' copies.
        patch.setenv("CODEX_HOME", str(home / "codex"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        config.configure(home=machine.ours)
        try:
            for number, cut in enumerate([*cuts, 1.0]):
                files = list(CLAUDE.items())
                chance.shuffle(files)
                for name, lines in files:
                    told = lines * chance.choice((1, 2))
                    chance.shuffle(told)
                    kept = told if cut == 1.0 else told[: int(len(told) * cut)]
                    folder = home / chance.choice(("claude", "other")) / "projects" / f"p{number}"
                    write(folder / f"{name}.jsonl", *(lines if cut == 1.0 else kept))
                for name, lines in CODEX.items():
                    write(home / "codex" / "sessions" / f"{name}.jsonl", *lines[: max(1, int(len(lines) * cut))])
                machine.run(again=chance.random() < 0.3)
                if chance.random() < 0.3:
                    seal(machine)
            assert machine.sums() == EXPECTED
            seal(machine)
            assert machine.sums() == EXPECTED
        finally:
            recorder.shutdown()
            config.reset()


def test_a_file_that_cannot_be_read_is_reported_and_tried_again(machine):
    broken = machine.home / "data" / "opencode" / "opencode.db"
    write(broken, "no database, but longer than the head of one would have to be" * 40)
    write(session(machine), claude())
    report = machine.run()
    assert report.agents["claude-code"].calls == 1
    (example,) = report.agents["opencode"].examples
    assert example.startswith(f"{broken}: cannot be read")
    assert machine.run().agents["opencode"].read == 1


def test_counts_that_no_call_has_are_not_understood(machine):
    write(
        session(machine),
        claude(),
        claude("msg_2", "req_2", server_tool_use={"web_search_requests": 10**30}),
        claude("msg_3", "req_3", output_tokens=10**30),
    )
    tally = machine.run("claude-code").agents["claude-code"]
    assert (tally.calls, sum(tally.unknown.values())) == (1, 2)


JUNK = st.sampled_from([None, "x", "", -1, 10**30, 1.5, 1e308, [], {}, [1], {"a": 1}, True, "2026-13-01T99:00:00Z"])
"""What a later version may write in the place of anything."""


def places(value, path=()):
    """Return the path of each value in a record."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inside for found in places(one, (*path, key)))]


def replaced(value, path, junk):
    if not path:
        return junk
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], junk)
    return copy


RECORDS = {
    "claude-code": [claude(), claude("msg_2", "req_2", 9, side=True)],
    "codex": [meta(forked_from_id="c0"), context(), counted(1, seconds=5), counted(2, {}, 9)],
}


@pytest.mark.parametrize("agent", RECORDS)
def test_whatever_is_in_a_record_an_import_goes_on(make_machine, agent):
    @settings(max_examples=150)
    @given(data=st.data())
    def check(data):
        machine = make_machine()
        number = data.draw(st.integers(0, len(RECORDS[agent]) - 1))
        told = RECORDS[agent][number]
        path = data.draw(st.sampled_from(places(told)[1:]))
        odd = replaced(told, path, data.draw(JUNK))
        lines = [*RECORDS[agent][:number], odd, *RECORDS[agent][number + 1 :]]
        write(machine.folder(agent) / "s1.jsonl", *lines)
        whole = [{**claude("msg_9", "req_9", 60)}]
        write(machine.home / "claude" / "projects" / "p" / "s2.jsonl", *whole)
        report = machine.run()
        assert report.agents["claude-code"].calls >= 1
        assert machine.sums()[0] == report.calls
        recorder.shutdown()

    check()
