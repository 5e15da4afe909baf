"""What can be read again and again is written once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tokenbudget.journal import once
from tokenbudget.journal.once import write_once

IDS = [f"018bcfe5-6800-7e22-ba70-{number:012}" for number in range(30)]
PROCESS = """
import sys
from pathlib import Path
from tokenbudget.journal.once import write_once
home, ids = Path(sys.argv[1]), sys.argv[2:]
for name in ids:
    write_once(home, name, lambda name=name: print(name, flush=True))
"""


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
    with (tmp_path / "once" / "ids").open("ab") as file:
        file.write(b"\n018bcf")
    write_once(tmp_path, IDS[1], lambda: None)
    once._known.clear()
    assert [write_once(tmp_path, name, lambda: None) for name in IDS[:2]] == [False, False]
