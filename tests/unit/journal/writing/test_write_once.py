"""What can be read again and again is written once."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tokenbudget.core.ids import uuid7_from
from tokenbudget.journal.writing import write_once as module
from tokenbudget.journal.writing.write_once import write_once

IDS = [f"018bcfe5-6800-7e22-ba70-{number:012}" for number in range(30)]
PROCESS = """
import sys
from pathlib import Path
from tokenbudget.journal.writing.write_once import write_once
home, ids = Path(sys.argv[1]), sys.argv[2:]
for name in ids:
    write_once(home, name, lambda name=name: print(name, flush=True))
"""
DAY_MS = 86_400_000


def answered(day):
    """Return the id of an answer of that day since some beginning."""
    return uuid7_from("line", 1_700_000_000_000 + day * DAY_MS)


def noted(home):
    return sorted((home / "once").glob("ids-*"))


def only_file(home):
    [ids] = noted(home)
    return ids


def untouched_for(seconds, *files):
    for file in files:
        os.utime(file, (time.time() - seconds,) * 2)


def in_another_process(monkeypatch):
    monkeypatch.setattr(module, "_known", {})


def test_an_id_is_written_the_first_time_only(tmp_path):
    written = []
    assert [write_once(tmp_path, name, lambda name=name: written.append(name)) for name in [*IDS[:2], IDS[0]]] == [
        True,
        True,
        False,
    ]
    assert written == IDS[:2]


def test_processes_and_threads_write_an_id_once(tmp_path):
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(subprocess.run, [*command, *order], capture_output=True, text=True, check=True)
            for order in (IDS, IDS[::-1], IDS[15:] + IDS[:15])
        ]
        here = [name for name in IDS if pool.submit(write_once, tmp_path, name, lambda: None).result()]
        written = [name for run in runs for name in run.result().stdout.split()]
    assert sorted(written + here) == IDS


def test_what_could_not_be_written_is_written_the_next_time(tmp_path):
    def fail():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_once(tmp_path, IDS[0], fail)
    assert write_once(tmp_path, IDS[0], lambda: None)


def test_a_torn_note_spoils_no_other(tmp_path):
    write_once(tmp_path, IDS[0], lambda: None)
    with only_file(tmp_path).open("ab") as file:
        file.write(b"\n018bcf")
    write_once(tmp_path, IDS[1], lambda: None)
    module._known.clear()
    assert [write_once(tmp_path, name, lambda: None) for name in IDS[:2]] == [False, False]


def test_years_of_answers_leave_bounded_notes(tmp_path):
    written = 0
    for day in range(0, 3_650, 5):
        written += write_once(tmp_path, answered(day), lambda: None)
        untouched_for(module.KEPT_SECONDS + 60, *noted(tmp_path)[:-3])  # As they would be by then.
    assert written == 730
    assert len(noted(tmp_path)) <= 4
    assert len([ids for ids in module._known if ids.parent == tmp_path / "once"]) <= 4


def test_what_can_still_be_fetched_stays_noted(tmp_path, monkeypatch):
    for day in (0, 100, 200):
        write_once(tmp_path, answered(day), lambda: None)
    untouched_for(module.KEPT_SECONDS - 3_600, *noted(tmp_path))
    in_another_process(monkeypatch)
    assert not any(write_once(tmp_path, answered(day), lambda: None) for day in (0, 100, 200))


def test_notes_that_are_asked_for_stay(tmp_path, monkeypatch):
    for _ in range(3):
        write_once(tmp_path, answered(0), lambda: None)
        untouched_for(module.KEPT_SECONDS - 3_600, only_file(tmp_path))
        in_another_process(monkeypatch)
        assert not write_once(tmp_path, answered(0), lambda: None)
    assert only_file(tmp_path).stat().st_mtime > time.time() - 3_600


def test_a_file_that_took_the_place_of_one_that_was_read_is_read_from_its_beginning(tmp_path):
    for name in IDS[:2]:
        write_once(tmp_path, name, lambda: None)
    ids = only_file(tmp_path)
    other = ids.with_name("other")
    other.write_bytes(b"".join(b"\n%b\n" % name.encode() for name in IDS[2:10]))
    other.replace(ids)
    assert [write_once(tmp_path, name, lambda: None) for name in (IDS[2], IDS[0])] == [False, True]
