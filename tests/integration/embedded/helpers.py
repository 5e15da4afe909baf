"""Start servers here, in another process and as another user, and see what became of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg

from tokenbudget_server.embedded import EmbeddedPostgres

WAIT_SECONDS = 30


def make(data_dir: Path, **options) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, settings={"fsync": "off"}, timeout=WAIT_SECONDS, **options)


def add_event(url: str, number: int) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("INSERT INTO event VALUES (%s)", [number])


def events(url: str) -> list[int]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM event ORDER BY id")]


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for what another process does; a generous bound only keeps a failure from hanging."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s in vain: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be reaped by someone does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    states = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not states.stdout.strip().startswith("Z")


_OWNER = """
import sys, time
from tokenbudget_server.embedded import EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1], settings={"fsync": "off"})
server.start()
print(server.pid, server.owned, flush=True)
sys.stdin.read()
server.stop()
"""


class OtherProcess:
    """Another Python process that starts the server of a data directory."""

    def __init__(self, data_dir: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWNER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def wait_for_server(self) -> tuple[int, bool]:
        """Process id of the server, and whether this process owns it."""
        pid, owned = self.process.stdout.readline().split()
        return int(pid), owned == "True"

    def end(self, number: int | None = None) -> None:
        """End by a signal, or in an orderly way without one."""
        if number is not None:
            self.process.send_signal(number)
        self.process.stdin.close()
        self.process.wait(WAIT_SECONDS)
        self.process.stdout.close()


def run_as(user: int, function: Callable[[], object]) -> object:
    """Run a function as another user, in a fork: the interpreter itself may be out of that user's reach."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _report_and_exit(function, user, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(answer)


def _report_and_exit(function: Callable[[], object], user: int, writer: int) -> None:
    try:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        answer: object = function()
    except Exception as error:  # noqa: BLE001 - the parent looks at it
        traceback.print_exc()
        answer = error
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(0)
