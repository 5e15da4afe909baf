"""Ingest end to end, beside what Postgres and its driver cannot do without: COPY of the same rows into a bare table.

Skewed events go, compressed as the library does it, over HTTP to two API processes and an embedded Postgres that
writes to disk as it does for users.  COPY and ingest take turns in one run, and the figures are medians of the turns.
The sender shares the machine's CPUs with what is measured; its CPU is counted apart.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import psutil
import psycopg
from psycopg.types.json import Jsonb

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.ingest_load import Batch, Sender, Sent, batch, make_events
from tokenbudget.core.event import Event
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.db import migrate
from tokenbudget_server.embedded import EmbeddedPostgres
from tokenbudget_server.launch.child import Child
from tokenbudget_server.launch.ports import claim
from tokenbudget_server.store.rows import EVENT_COLUMNS, KIND_COLUMNS, USAGE_COLUMNS

WORKERS = 2
CONNECTIONS = 16
PROJECTS = 4
SIZES = (100, 1_000)
TURNS = 5
LATENCY_RATE = 10_000
LATENCY_SECONDS = 10
TARGET_RATIO = {100: 0.5, 1_000: 0.8}
TARGET_CPU_US = {100: 35, 1_000: 28}
TARGET_P99_MS = 50
TARGET_BYTES = 420
TARGET_BUDGET_MS = 2
BUDGET_READS = 2_000
# What a budget asks before a call: what a project has spent since the month began, by all keys, on all shards.
BUDGET_READ = """
SELECT sum(requests), sum(unpriced), sum(cost_usd), count(*) FROM spend_day
WHERE project_id = %s AND day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date
"""
_FIRST_PROJECT_PERCENT = 80
COLUMNS = [column.name for column in EVENT_COLUMNS + KIND_COLUMNS]


class Turn(NamedTuple):
    """What one turn measured: events a second, and CPU µs an event of the client or API and of Postgres."""

    rate: float
    python_us: float
    postgres_us: float


@dataclass
class Bench:
    """What the parts of the benchmark share."""

    url: str
    postgres: psutil.Process
    api: psutil.Process
    keys: Sequence[str]
    port: int
    pool: ProcessPoolExecutor

    def send(self, batches: Sequence[Batch], rate: float | None = None) -> Sent:
        """Send from the other process."""
        return self.pool.submit(_send, self.port, self.keys, batches, rate).result()


def _send(port: int, keys: Sequence[str], batches: Sequence[Batch], rate: float | None) -> Sent:
    sender = Sender(port, keys, CONNECTIONS)
    return sender.at_once(batches) if rate is None else sender.at_rate(batches, rate)


def cpu_seconds(process: psutil.Process) -> float:
    """Add up the CPU time of a process and of all that it started."""
    seconds = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        seconds += times.user + times.system
    own = process.cpu_times()
    return seconds + own.children_user + own.children_system  # Those that ended.


def cut(events: Sequence[Event], size: int) -> list[Batch]:
    """Make batches of events; most are the first project's."""
    random = Random(len(events))
    owners = (
        0 if random.randrange(100) < _FIRST_PROJECT_PERCENT else random.randrange(1, PROJECTS)
        for _ in itertools.count()
    )
    return [batch(next(owners), events[start : start + size]) for start in range(0, len(events), size)]


def ingest_turn(bench: Bench, events: Sequence[Event], size: int) -> tuple[Turn, float]:
    """Send events as fast as they are taken; give also the sender's CPU µs an event."""
    batches = cut(events, size)
    api, postgres = cpu_seconds(bench.api), cpu_seconds(bench.postgres)
    sent = bench.send(batches)
    api, postgres = cpu_seconds(bench.api) - api, cpu_seconds(bench.postgres) - postgres
    per_event = 1e6 / len(events)
    return Turn(len(events) / sent.seconds, api * per_event, postgres * per_event), sent.cpu * per_event


def copy_turn(bench: Bench, events: Sequence[Event], size: int) -> Turn:
    """COPY the same rows over one connection, a transaction for each batch, as acknowledging each asks for."""
    rows = [as_copied(event) for event in events]
    into = f"COPY bare ({', '.join(['project_id', *COLUMNS])}) FROM STDIN"
    with psycopg.connect(bench.url, autocommit=True) as connection:
        postgres, python, began = cpu_seconds(bench.postgres), time.process_time(), time.perf_counter()
        for start in range(0, len(rows), size):
            with connection.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows[start : start + size]:
                    copy.write_row(row)
        seconds, python = time.perf_counter() - began, time.process_time() - python
        postgres = cpu_seconds(bench.postgres) - postgres
    per_event = 1e6 / len(rows)
    return Turn(len(rows) / seconds, python * per_event, postgres * per_event)


def as_copied(event: Event) -> tuple[Any, ...]:
    """Lay out an event as a program does that lets the driver adapt its values."""
    values: dict[str, Any] = {name: getattr(event, name, None) for name in COLUMNS}
    values |= {name: getattr(event.usage, name) for name in USAGE_COLUMNS}
    values |= {"id": UUID(event.id), "api_key_id": 1, "client_cost_usd": event.cost_usd}
    values |= {name: Jsonb(values[name]) if values[name] else None for name in ("tags", "metadata", "warnings")}
    return (1, *values.values())


def measure_rates(bench: Bench, events_per_turn: int) -> list[tuple[str, str, str]]:
    """Let COPY and ingest take turns."""
    turns: dict[tuple[str, int], list[Turn]] = {}
    sender: dict[int, list[float]] = {}
    for number, size in itertools.product(range(TURNS), SIZES):
        events = make_events(events_per_turn, number * 10 + size)
        turns.setdefault(("copy", size), []).append(copy_turn(bench, events, size))
        turn, cost = ingest_turn(bench, events, size)
        turns.setdefault(("ingest", size), []).append(turn)
        sender.setdefault(size, []).append(cost)
    found = {key: Turn(*map(statistics.median, zip(*several, strict=True))) for key, several in turns.items()}
    return [line for size in SIZES for line in _rate_lines(size, found, turns, statistics.median(sender[size]))]


def _rate_lines(
    size: int, found: dict[tuple[str, int], Turn], turns: dict[tuple[str, int], list[Turn]], sender: float
) -> list[tuple[str, str, str]]:
    copy, ingest = found["copy", size], found["ingest", size]
    pairs = zip(turns["ingest", size], turns["copy", size], strict=True)
    ratio = statistics.median(ours.rate / bare.rate for ours, bare in pairs)
    cpu = statistics.median(turn.python_us + turn.postgres_us for turn in turns["ingest", size])
    title = f"batches of {size:,}: "
    return [
        (f"{title}bare COPY, events a second", f"{copy.rate:,.0f}", ""),
        (f"{title}its CPU, client + Postgres, µs", f"{copy.python_us:.1f} + {copy.postgres_us:.1f}", ""),
        (f"{title}ingest, events a second", f"{ingest.rate:,.0f}", ""),
        (f"{title}ingest ÷ COPY", f"{ratio:.2f}", at_least(ratio, TARGET_RATIO[size])),
        (f"{title}CPU, API + Postgres, µs", f"{ingest.python_us:.1f} + {ingest.postgres_us:.1f}", ""),
        (f"{title}CPU, both, µs an event", f"{cpu:.1f}", at_most(cpu, TARGET_CPU_US[size])),
        (f"{title}the sender's CPU, apart, µs", f"{sender:.1f}", ""),
    ]


def measure_latency(bench: Bench, seconds: int) -> list[tuple[str, str, str]]:
    """Send on schedule, a batch of 100 every 10 ms, whether or not earlier ones were answered."""
    events = make_events(LATENCY_RATE * seconds, 99)
    sent = bench.send(cut(events, SIZES[0]), LATENCY_RATE)
    waits = sorted(wait * 1e3 for wait in sent.waits)
    p50, p99 = (waits[int(len(waits) * part)] for part in (0.5, 0.99))
    title = f"{LATENCY_RATE:,} events/s for {seconds} s, {WORKERS} workers: "
    return [
        (f"{title}acknowledged, p50 ms", f"{p50:.1f}", ""),
        (f"{title}acknowledged, p99 ms", f"{p99:.1f}", at_most(p99, TARGET_P99_MS)),
        (f"{title}longest, ms", f"{waits[-1]:.1f}", ""),
    ]


def measure_size(bench: Bench) -> list[tuple[str, str, str]]:
    """Weigh the partitions and their indexes."""
    with psycopg.connect(bench.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE events, event_ids")
        sizes = "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)) FROM pg_partition_tree('events')"
        heap, indexes = connection.execute(sizes).fetchone()
        (ids,) = connection.execute("SELECT pg_total_relation_size('event_ids')").fetchone()
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    each = float(heap + indexes) / events
    return [
        (
            f"Postgres, {events:,} events: heap + index, bytes an event",
            f"{heap / events:.0f} + {indexes / events:.0f}",
            "",
        ),
        ("Postgres: both", f"{each:.0f}", at_most(each, TARGET_BYTES)),
        ("Postgres: its id by itself, heap + index, bytes an event", f"{ids / events:.0f}", ""),
    ]


def measure_budget_read(bench: Bench) -> list[tuple[str, str, str]]:
    """Ask what the largest project has spent this month, as a budget does before each call."""
    waits = []
    with psycopg.connect(bench.url, autocommit=True) as connection:
        (project,) = connection.execute("SELECT project_id FROM spend_day GROUP BY 1 ORDER BY count(*) DESC").fetchone()
        for _ in range(BUDGET_READS):
            began = time.perf_counter()
            *_, rows = connection.execute(BUDGET_READ, [project]).fetchone()
            waits.append((time.perf_counter() - began) * 1e3)
    p50, p99 = (sorted(waits)[int(len(waits) * part)] for part in (0.5, 0.99))
    title = f"budget read, a sum of {rows} rows: "
    return [
        (f"{title}median ms", f"{p50:.2f}", at_most(p50, TARGET_BUDGET_MS)),
        (f"{title}p99 ms", f"{p99:.2f}", at_most(p99, TARGET_BUDGET_MS)),
    ]


def at_most(found: float, most: float) -> str:
    return f"≤ {most} {'met' if found <= most else 'MISSED'}"


def at_least(found: float, least: float) -> str:
    return f"≥ {least} {'met' if found >= least else 'MISSED'}"


@contextmanager
def started(directory: Path):
    """Start Postgres, the API and the process that sends."""
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(directory / "postgres")
        url = stack.enter_context(postgres.running())
        migrate(url)
        keys = [ensure_first_key(url, None, f"project {number}") for number in range(PROJECTS)]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (LIKE events)")
            connection.execute("ALTER TABLE bare ALTER received_at SET DEFAULT now()")
        port = claim("127.0.0.1", {"--port": 0})["--port"]
        environment = {"TOKENBUDGET_DATABASE_URL": url, "TOKENBUDGET_HOME": str(directory)}
        arguments = ["127.0.0.1", str(port), str(WORKERS)]
        api = Child("the API", "tokenbudget_server.launch.api", arguments, environment, directory / "api.log")
        stack.callback(api.stop)
        api.wait_until_serving("127.0.0.1", port, "/health", 60)
        pool = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        yield Bench(url, psutil.Process(postgres.pid), psutil.Process(api.pid), keys, port, pool)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="of all turns together")
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    print(f"{os.cpu_count()} CPUs, which API, Postgres and sender share; {WORKERS} workers, {CONNECTIONS} connections")
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name, started(Path(name)) as bench:
        for _ in range(3):  # Keys are verified, prices read, statements prepared.
            bench.send(cut(make_events(4_000, 0), SIZES[0]))
        parts: list[Callable[[], list[tuple[str, str, str]]]] = [
            lambda: measure_rates(bench, options.events // (TURNS * len(SIZES))),
            lambda: measure_latency(bench, LATENCY_SECONDS),
            lambda: measure_budget_read(bench),
            lambda: measure_size(bench),
        ]
        for part in parts:
            for what, figure, said in part():
                print(f"{what:<64}{figure:>14}  {said}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
