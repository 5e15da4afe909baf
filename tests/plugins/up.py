"""``tokenbudget up`` as a user runs it: real processes, on ports of this machine."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.plugins.ports import free_port

PATIENCE = 90


class Up:
    """A running ``tokenbudget up``."""

    def __init__(self, home, *arguments):
        self.output = ""
        self.process = subprocess.Popen(
            command("up", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(home),
        )

    def read_until(self, text):
        while text not in self.output:
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.output}"
            self.output += line
        return self.output

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.join()

    def join(self):
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.output += rest
        return self.process.returncode


def command(*arguments):
    return [sys.executable, "-c", "from tokenbudget.cli import main; main()", *arguments]


def environment(home, **more):
    return {**os.environ, "TOKENBUDGET_HOME": str(home), **more}


@pytest.fixture
def up(tmp_path):
    """Start ``tokenbudget up --no-panel`` on a free port, in a home of this test's own."""
    started = []

    def start(*arguments, home=tmp_path / "home"):
        started.append(Up(home, "--no-panel", *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop(signal.SIGTERM)
        each.process.stdout.close()


@pytest.fixture
def port():
    return free_port()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended and that nobody waits for any more is still there, as a zombie.
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not status.strip().startswith("Z")


def children(pid):
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below = [child for child, parent in parents if parent == pid]
    return below + [each for child in below for each in children(child)]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(port):
    """Whether a server answers on a port of this machine."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
