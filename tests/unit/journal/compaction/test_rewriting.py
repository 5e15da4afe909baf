"""Sealed events changed: all of a change or nothing of it, whenever the process is killed."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tokenbudget.core.errors import JournalError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal, compact, read_snapshot
from tokenbudget.journal.compaction import rewriting
from tokenbudget.journal.compaction.manifest import ledger_dir
from tokenbudget.journal.locks import locked

DAY = datetime(2026, 10, 5, tzinfo=UTC)
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def to_frame(events):
    instants = pl.Series([event.occurred_at for event in events], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"id": [event.id for event in events], "occurred_at": instants, "cost": [0] * len(events)})


def seal(home, count, day=0):
    journal = Journal(home, sends=lambda: False)
    for number in range(count):
        at = DAY + timedelta(days=day, minutes=number)
        journal.append(encode(Event(id=uuid7(), occurred_at=at, provider="openai", model="m")))
    journal.close()
    compact(home, to_frame, min_bytes=0)


def costs(home):
    parts = [pl.read_parquet(part.path(home)) for part in read_snapshot(home).parts]
    return sorted(pl.concat(parts)["cost"].to_list())


def plus(number):
    return lambda frame: frame.with_columns(pl.col("cost") + number)


@pytest.fixture
def home(tmp_path):
    seal(tmp_path, 40)
    seal(tmp_path, 3, day=2)
    assert len(read_snapshot(tmp_path).parts) == 2
    return tmp_path


def test_only_parts_of_the_span_are_written_anew(home):
    assert rewriting.rewrite(home, DAY + timedelta(days=1), DAY + timedelta(days=3), plus(7)) == 1
    assert costs(home) == [0] * 40 + [7] * 3
    assert rewriting.rewrite(home, DAY - timedelta(days=1), DAY, plus(7)) == 0


def test_nothing_to_change_writes_nothing(home):
    before = read_snapshot(home)
    assert rewriting.rewrite(home, *EVER, lambda _: None) == 0
    assert read_snapshot(home) == before


def test_old_files_stay_for_those_who_still_read_them(home):
    old = [part.path(home) for part in read_snapshot(home).parts]
    rewriting.rewrite(home, *EVER, plus(1))
    assert all(path.exists() for path in old)
    seal(home, 100, day=4)
    assert all(path.exists() for path in old)
    assert costs(home) == [0] * 100 + [1] * 43


def test_a_change_that_loses_events_is_refused(home):
    before = read_snapshot(home)
    with pytest.raises(JournalError, match="39 are to take"):
        rewriting.rewrite(home, *EVER, lambda frame: frame.head(frame.height - 1))
    assert read_snapshot(home) == before


def test_a_locked_ledger_is_left_alone(home, monkeypatch):
    monkeypatch.setattr(rewriting, "_LOCK_SECONDS", 0.0)
    with locked(ledger_dir(home) / "lock", 0.0), pytest.raises(JournalError, match="try again"):
        rewriting.rewrite(home, *EVER, plus(1))
    assert costs(home) == [0] * 43


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_anywhere_all_is_changed_or_nothing(home):
    script = Path(__file__).with_name("rewrite_until_killed.py")
    command = [sys.executable, "-W", "ignore", script, home]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        expected, seen = 0, set()
        for line in range(1, 200, 3):
            child.stdin.write(f"{line}\n")
            child.stdin.flush()
            outcome = child.stdout.readline().strip()
            (now,) = set(costs(home))
            assert now in (expected, expected + 1), line
            seen.add((outcome, now - expected))
            expected = now
            if outcome != "killed":
                break
        child.stdin.close()
    assert seen == {("killed", 0), ("killed", 1), ("ended with 0", 1)}
    seal(home, 200, day=5)
    wanted = {part.file for part in read_snapshot(home).parts}
    listed = {path.name for path in ledger_dir(home).glob("*.parquet")}
    assert wanted <= listed
    assert costs(home) == [0] * 200 + [expected] * 43
