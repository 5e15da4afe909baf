"""No process that `dev.py` starts outlives it, and none waits for an answer that cannot come."""

import os
import signal
import subprocess

import pytest

from devtools import processes

# Two processes that say when they are asked to end, and stay.
STUBBORN = """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: os.write(1, b"asked\\n"))
os.fork()
signal.alarm(60)  # At the latest.
os.write(1, b"asked\\n")  # For the first time: to be here.
while True:
    time.sleep(60)
"""
POLITE = """
import time
try:
    print("started", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("tidied", flush=True)
"""


@pytest.fixture(autouse=True)
def _interruptible():
    """Receive SIGINT, which shells have their background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def bench(checkout):
    """Return a function that writes a program which `dev.py bench` runs in the foreground."""
    folder = checkout.root / "tests" / "benchmarks"
    folder.mkdir()
    return (folder / "bench_x.py").write_text


# The pipe ends when the last process that holds it has ended, so that `communicate` returning is the proof.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_repeated_signals_stop_the_most_stubborn_child_and_what_it_started(checkout, bench, number):
    bench(STUBBORN)
    with checkout.start("bench") as process:
        lines = iter(process.stdout.readline, "")
        for _ in range(3):  # To stop; to insist; to kill.
            assert [next(line for line in lines if line == "asked\n") for _ in range(2)]
            process.send_signal(number)
        printed, _ = process.communicate()
    assert printed == "■ stopped\n"
    assert process.returncode == 130


def test_a_polite_child_gets_the_chance_to_clean_up(checkout, bench):
    bench(POLITE)
    with checkout.start("bench") as process:
        while process.stdout.readline() != "started\n":
            pass
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate()
    assert printed == "tidied\n■ stopped\n"


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_an_interrupt_while_the_child_starts_does_not_lose_the_child(monkeypatch):
    start, started = subprocess.Popen, []

    def interrupted_start(*args, **options):
        started.append(start(*args, **options))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    # There is no other way to be interrupted at just this moment.
    monkeypatch.setattr(processes.subprocess, "Popen", interrupted_start)
    with pytest.raises(KeyboardInterrupt):
        processes.run(["sleep", "60"])
    assert started[0].poll() is not None


def test_a_question_that_nobody_sees_is_an_end_of_file(checkout, bench):
    bench("print('understood:', input())")
    said = checkout.dev("bench", code=1)
    assert "EOFError" in said
    assert "understood: typed" not in said
