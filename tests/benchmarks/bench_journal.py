"""What recording costs the caller: µs per event, beside its floors in the same run.

The ways of keeping an event take turns in one process, a few thousand events each, and each figure is the median over
the turns, so that drifting clock rates and neighbours on the machine cancel out.  Then a million events are recorded
while the server is down, and the process' memory is looked at on the way.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tokenbudget.config import Config
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.journal import Journal, JournalOptions
from tokenbudget.journal.segments.record import frame
from tokenbudget.transport import Shipper

TARGET_RATIO = 2.0
TARGET_GROWTH_MIB = 32
TURNS = 25
PER_TURN = 4_000
_MIB = 1 << 20

Keep = Callable[[bytes], object]


def make_record() -> bytes:
    return encode(
        Event(
            id=uuid7(),
            occurred_at=datetime.now(UTC),
            provider="openai",
            model="gpt-4o-mini-2024-07-18",
            usage=Usage(input_tokens=1370, output_tokens=155, cache_read_tokens=1280),
            cost_usd=Decimal("0.000202500000"),
            price_key="gpt-4o-mini",
            latency_ms=812.4,
            response_id="chatcmpl-0123456789",
            tags={"feature": "chatbot", "user_id": "u42"},
        )
    )


@contextmanager
def raw_file(path: Path) -> Iterator[Keep]:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        yield lambda line: os.write(fd, line)
    finally:
        os.close(fd)


@contextmanager
def sqlite_wal(path: Path) -> Iterator[Keep]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE events (record BLOB)")
        yield lambda record: connection.execute("INSERT INTO events VALUES (?)", (record,))


def microseconds(keep: Keep, record: bytes, count: int) -> float:
    """Return the µs per event of keeping `record` `count` times."""
    began = time.perf_counter()
    for _ in range(count):
        keep(record)
    return (time.perf_counter() - began) / count * 1e6


def compare(directory: Path) -> dict[str, float]:
    """Measure every way, in turns; return medians in µs per event."""
    record = make_record()
    line = frame(record)
    with raw_file(directory / "raw") as write, sqlite_wal(directory / "events.db") as insert:
        journal = Journal(directory / "home", options=JournalOptions(), sends=lambda: False)
        ways: dict[str, tuple[Keep, bytes]] = {
            "deque.append": (deque(maxlen=PER_TURN).append, record),
            "os.write": (write, line),
            "journal.append": (journal.append, record),
            "SQLite WAL insert": (insert, record),
        }
        samples: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(TURNS):
            for name, (keep, data) in ways.items():
                taken = microseconds(keep, data, PER_TURN)
                if turn:  # The first turn warms up.
                    samples[name].append(taken)
        journal.close()
    return {name: statistics.median(values) for name, values in samples.items()}


def resident_mib() -> float:
    """Return the resident memory of this process; Linux only, 0 elsewhere."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def record_without_server(directory: Path, events: int) -> list[float]:
    """Record `events` with nobody listening; return the MiB resident after each tenth."""
    settings = Config(home=directory / "offline", url="http://127.0.0.1:9", api_key="tb_ak_0")
    journal = Journal(settings.home, sends=lambda: True)
    shipper = Shipper(journal, settings=lambda: settings)
    record = make_record()
    memory = []
    for _ in range(10):
        for _ in range(events // 10):
            journal.append(record)
            shipper.wake()
        memory.append(resident_mib())
    shipper.close(2.0)
    return memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="recorded while the server is down")
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name:
        directory = Path(name)
        found = compare(directory)
        memory = record_without_server(directory, options.events)
    floor = found["os.write"]
    print(f"{'one event of ' + str(len(make_record())) + ' bytes':<24}{'µs':>8}{'× os.write':>12}")
    for way, taken in found.items():
        print(f"{way:<24}{taken:>8.2f}{taken / floor:>12.2f}")
    ratio, growth = found["journal.append"] / floor, memory[-1] - memory[0]
    print(f"target: journal.append ≤ {TARGET_RATIO} × os.write: {'met' if ratio <= TARGET_RATIO else 'MISSED'}")
    print(f"\n{options.events:,} events with the server down, MiB resident: {' '.join(f'{m:.0f}' for m in memory)}")
    print(f"target: grows by < {TARGET_GROWTH_MIB} MiB: {'met' if growth < TARGET_GROWTH_MIB else 'MISSED'}")


if __name__ == "__main__":
    main()
