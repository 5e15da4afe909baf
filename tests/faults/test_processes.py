"""Processes that are killed, leave early, fork or share a home."""

import os
import random
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.faults.conftest import variables
from tests.faults.waiting import finished, wait_for
from tests.plugins.ports import free_port


def test_a_hundred_sigkills_at_random_points(run, evidence):
    randomly = random.Random(5)
    nursery = run("nursery", "nursery", 400)
    for number in range(100):
        nursery.stdin.write(f"killed-{number}\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline())
        if number % 5:  # Every fifth is killed while it starts.
            wait_for(lambda: evidence.recorded().get(f"killed-{number}", 0))  # noqa: B023
        time.sleep(randomly.uniform(0.0, 0.08))
        subprocess.run(["kill", "-KILL", str(child)], check=True)
        assert nursery.stdout.readline() == "gone\n"
    finished(nursery)
    progress = evidence.recorded()
    assert sum(count > 0 for count in progress.values()) >= 80
    evidence.deliver_the_rest()
    evidence.check(progress, in_flight=100)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_process(run, evidence, number):
    worker = run("slowly", "asked", 100_000)
    wait_for(lambda: evidence.settings.home.exists() and evidence.recorded().get("asked", 0) > 50)
    worker.send_signal(number)
    assert worker.wait(10) != 0
    evidence.deliver_the_rest()
    evidence.check(in_flight=1)


def test_fifty_calls_then_exit_at_once(run, evidence):
    began = time.monotonic()
    finished(run("once", "hasty"))
    took = time.monotonic() - began
    arrived = len(
        evidence.rows()
    )  # All of them, unless the machine is too busy for it within the time an exit may take.
    evidence.deliver_the_rest()
    assert evidence.check() == 50
    sys.stderr.write(f"; {arrived} arrived on the way out of a process that took {took:.1f} s")


def test_exit_with_the_server_down_loses_nothing(run, evidence, network):
    with network.outage():
        began = time.monotonic()
        finished(run("once", "down"), patience=20)
        took = time.monotonic() - began
    assert evidence.rows() == []
    evidence.deliver_the_rest()
    assert evidence.check() == 50
    sys.stderr.write(f"; the process took {took:.1f} s")


def test_the_next_process_delivers_what_the_last_left(run, evidence, network):
    with network.outage():
        finished(run("once", "first"))
    second = run("until_told", "second")
    wait_for(lambda: len(evidence.rows()) == 100)
    finished(second)
    assert evidence.check() == 100


def test_two_processes_on_one_home(run, evidence):
    workers = [run("slowly", f"twin-{number}", 300) for number in range(2)]
    for worker in workers:
        finished(worker)
    evidence.deliver_the_rest()
    assert evidence.check() == 600


@pytest.mark.parametrize("how", ["forking", "pool_fork", "pool_spawn"])
def test_children(run, evidence, how):
    finished(run(how, how))
    evidence.deliver_the_rest()
    assert evidence.check() == (150 if how == "forking" else 151)


def test_prefork_workers_of_gunicorn(client, evidence, tmp_path):
    pytest.importorskip("gunicorn")
    port = free_port()
    options = ["--preload", "-w", "3", "-b", f"127.0.0.1:{port}", "--no-control-socket"]
    with (tmp_path / "gunicorn.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "tests.faults.prefork:application"],
            env={**os.environ, **variables(client)},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: _answers(port))
            for _ in range(200):
                assert _answers(port)
        finally:
            server.terminate()
            assert server.wait(30) == 0
    evidence.deliver_the_rest()
    assert evidence.check() >= 201
    assert len(evidence.recorded()) > 1


def _answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False
