"""Ingest and questions while the server is attacked in every way at once, beside the same load in quiet.

Events and questions go on schedule, by a key of their own, whether or not earlier ones were answered; what is refused
for a while is sent again.  The attackers are a process that shares the machine's CPUs with what is measured.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import NamedTuple, Self

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.attack_load import HOST, Attack, Said
from tests.benchmarks.bench_ingest import SIZES, Bench, at_most, cut, started
from tests.benchmarks.ingest_load import batch, make_events

BATCHES_A_SECOND = 10
QUESTIONS_A_SECOND = 2
QUESTIONS = (
    "/api/analytics/summary?period=7d",
    "/api/analytics/by-model?period=7d",
    "/api/analytics/timeseries?period=24h",
)
HISTORY = 100_000
TARGET_RATIO = 2
TARGET_MIB = 1_024
_TRIES = 20
_SECONDS = 20

over: Flag
"""In the process of the attackers: set when the attack is."""


class Measured(NamedTuple):
    """The milliseconds that each took, in order; how often one was refused for a while, and how many came to no end."""

    waits: list[float]
    refused: int
    failed: int

    def p(self, part: float) -> float:
        """Return a percentile."""
        return self.waits[min(int(len(self.waits) * part), len(self.waits) - 1)]


def _share(flag: Flag) -> None:
    global over  # noqa: PLW0603 (handed to the process where it starts)
    over = flag


def _attack(port: int, key: str, known: str, only: Collection[str]) -> Said:
    return Attack(port, key, known, over, only).run()


def _ask(port: int, method: str, path: str, key: str, body: bytes | None = None) -> int | None:
    """Ask until it is answered; return how often it was refused for a while, or None where it came to no end."""
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers |= {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for refused in range(_TRIES):
        connection = http.client.HTTPConnection(HOST, port, timeout=_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except OSError:
            return None
        finally:
            connection.close()
        if answer.status in (200, 202):
            return refused
        if answer.status not in (429, 503):
            raise ValueError(f"{path} was answered {answer.status}: {text[:200]!r}")
        time.sleep(float(answer.headers.get("Retry-After", "1")) / 10)
    return None


def on_schedule(works: Sequence[Callable[[], int | None]], a_second: float) -> Measured:
    """Do work on schedule; waits count from the time in the schedule."""
    began = time.perf_counter() + 0.1

    def one(number: int) -> tuple[float, int | None]:
        due = began + number / a_second
        time.sleep(max(due - time.perf_counter(), 0))
        refused = works[number]()
        return (time.perf_counter() - due) * 1e3, refused

    with ThreadPoolExecutor(64) as threads:
        found = list(threads.map(one, range(len(works))))
    refused = [count for _, count in found if count is not None]
    return Measured(sorted(wait for wait, _ in found), sum(refused), len(found) - len(refused))


def measure(bench: Bench, seconds: int) -> tuple[Measured, Measured]:
    """Send events and ask questions at the same time."""
    key, size = bench.keys[0], SIZES[0]
    bodies = [batch(0, events).body for events in _cut(make_events(BATCHES_A_SECOND * seconds * size, seconds), size)]
    sends = [lambda body=body: _ask(bench.port, "POST", "/v1/events/batch", key, body) for body in bodies]
    paths = itertools.islice(itertools.cycle(QUESTIONS), QUESTIONS_A_SECOND * seconds)
    asks = [lambda path=path: _ask(bench.port, "GET", path, key) for path in paths]
    with ThreadPoolExecutor(2) as threads:
        sent = threads.submit(on_schedule, sends, BATCHES_A_SECOND)
        asked = threads.submit(on_schedule, asks, QUESTIONS_A_SECOND)
        return sent.result(), asked.result()


def _cut(events: list, size: int) -> list[list]:
    return [events[start : start + size] for start in range(0, len(events), size)]


class Memory:
    """Looks at the memory of the API's processes while it is open."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for process in self._process.children(recursive=True):
                try:
                    self.most = max(self.most, process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


def attacked(bench: Bench, seconds: int, only: Collection[str]) -> tuple[Measured, Measured, Said]:
    """Measure while all attacks are under way."""
    context = multiprocessing.get_context("spawn")
    flag = context.Event()
    with ProcessPoolExecutor(1, context, _share, (flag,)) as pool:
        said = pool.submit(_attack, bench.port, bench.keys[1], bench.keys[2], only)
        time.sleep(3)  # They have begun.
        try:
            sent, asked = measure(bench, seconds)
        finally:
            flag.set()
        return sent, asked, said.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of each of the two parts")
    parser.add_argument("--only", action="append", default=[], help="a kind of attack, such as 'hostile body'")
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    print(f"{os.cpu_count()} CPUs, which API, Postgres, attackers and who is attacked share")
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name, started(Path(name)) as bench:
        bench.send(cut(make_events(HISTORY, 0), SIZES[1]))
        measure(bench, 3)  # Keys are verified, days are read.
        with Memory(bench.api) as quiet_memory:
            quiet = measure(bench, options.seconds)
        with Memory(bench.api) as memory:
            sent, asked, said = attacked(bench, options.seconds, options.only)
        after = measure(bench, 5)
    for what, calm, under, then in zip(
        ("ingest, batches of 100", "questions"), quiet, (sent, asked), after, strict=True
    ):
        ratio = under.p(0.99) / calm.p(0.99)
        for title, found in (("quiet", calm), ("attacked", under), ("afterwards", then)):
            line = f"{found.p(0.5):,.0f} / {found.p(0.99):,.0f} / {found.waits[-1]:,.0f}"
            ends = f"refused {found.refused}, failed {found.failed}"
            print(f"{f'{what}, {title}: p50 / p99 / longest, ms':<64}{line:>24}  {ends}")
        print(f"{f'{what}: p99 attacked ÷ quiet':<64}{ratio:>24.2f}  {at_most(ratio, TARGET_RATIO)}")
    for title, found in (("quiet", quiet_memory), ("attacked", memory)):
        said_of = at_most(found.most / 2**20, TARGET_MIB) if found is memory else ""
        print(f"{f'memory of a worker at most, {title}, MiB':<64}{found.most / 2**20:>24,.0f}  {said_of}".rstrip())
    for what, count in sorted(said.items()):
        print(f"  {what:<62}{count:>24,}")


if __name__ == "__main__":
    main()
