"""What keeping and reading the ledger costs: sealing, bytes per event, the first and the next local question, news.

Local: a million events are journaled, sealed and asked about.  Server: a day of 50,000 events is read from an embedded
Postgres, written to disk, and asked for again after a hundred more were stored.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.skewed import seal
from tokenbudget import analytics
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget.core.usage import Usage
from tokenbudget.journal import Journal, list_segments
from tokenbudget.ledger.local import LocalSource, seal_piece

DAY_EVENTS = 50_000
NEWS = 100
TURNS = 7
TARGET_SUMMARY_MS = 60
TARGET_BYTES = 45
_MIB = 1 << 20
_random = Random(8321)


def make_event(at: datetime) -> Event:
    return Event(
        id=uuid7(),
        occurred_at=at,
        provider="openai",
        model=_random.choice(["gpt-4o-mini", "gpt-4o-mini", "gpt-4o", "o3"]),
        usage=Usage(input_tokens=_random.randrange(5_000), output_tokens=_random.randrange(900)),
        cost_usd=Decimal(_random.randrange(10**9)).scaleb(-12),
        latency_ms=_random.randrange(90_000) / 10,
        tags={"feature": f"f{_random.randrange(20)}", "user_id": f"u{_random.randrange(5_000)}"},
    )


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_local(home: Path, events: int) -> list[tuple[str, str, str]]:
    """Journal, seal, ask."""
    journal = Journal(home, sends=lambda: False)
    start = datetime.now(UTC) - timedelta(days=20)
    for number in range(events):
        journal.append(encode(make_event(start + timedelta(seconds=number * 20 * 86_400 / events))))
    journal.close()
    written = sum(segment.size for segment in list_segments(home))
    seconds = timed(lambda: [None for _ in iter(lambda: seal_piece(home), False)])
    # From the second time on: parts that were merged stay for readers for an hour.
    sealed = sum(part.path(home).stat().st_size for part in _parts(home))
    source, query = LocalSource(home), Query(period=parse("30d", datetime.now(UTC)))
    first = timed(lambda: analytics.summary(source, query)) * 1e3
    later = statistics.median(timed(lambda: analytics.summary(source, query)) for _ in range(TURNS)) * 1e3
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        ("local: journaled, bytes an event", f"{written / events:,.0f}", ""),
        ("local: sealed, events a second", f"{events / seconds:,.0f}", ""),
        ("local: sealed, bytes an event", f"{sealed / events:.1f}", _target(sealed / events, TARGET_BYTES)),
        ("local: memory at most, MiB", f"{memory:,.0f}", ""),
        ("local: first summary, ms", f"{first:,.1f}", ""),
        ("local: summary, ms", f"{later:,.1f}", _target(later, TARGET_SUMMARY_MS)),
    ]


def _parts(home: Path) -> list:
    from tokenbudget.journal import read_snapshot

    return list(read_snapshot(home).parts)


def measure_sealed(directory: Path, events: int) -> list[tuple[str, str, str]]:
    """Write the server's days with their cubes."""
    seconds = timed(lambda: seal(directory, events))
    size = sum(path.stat().st_size for path in directory.glob("*/*.parquet"))
    cubes, by_tag = (sum(path.stat().st_size for path in directory.glob(f"*/*.{kind}")) for kind in ("cube", "tags"))
    return [
        ("server: made up and sealed, events a second", f"{events / seconds:,.0f}", ""),
        ("server: sealed, bytes an event", f"{size / events:.1f}", _target(size / events, TARGET_BYTES)),
        ("server: cubes, bytes an event", f"{cubes / events:.2f}", ""),
        ("server: totals by varied tags, bytes an event", f"{by_tag / events:.2f}", ""),
    ]


def measure_postgres(directory: Path) -> list[tuple[str, str, str]]:
    """Read a day from Postgres, whole and then its news."""
    from tokenbudget_server.db import migrate
    from tokenbudget_server.db.url import psycopg_url
    from tokenbudget_server.embedded import EmbeddedPostgres
    from tokenbudget_server.ledger import Days
    from tokenbudget_server.store.rows import to_row
    from tokenbudget_server.store.writer import Writer

    server = EmbeddedPostgres(directory / "postgres")
    with server.running():
        url = server.create_database("bench")
        migrate(url)
        project = _project(psycopg_url(url))
        at = datetime.now(UTC)

        async def store(count: int) -> None:
            writer = Writer(url)
            await writer.start()
            for _ in range(0, count, 1_000):
                events = [make_event(at) for _ in range(min(count, 1_000))]
                await writer.write(project, [to_row(event, event.cost_usd, 1) for event in events])
            await writer.stop()

        asyncio.run(store(DAY_EVENTS))
        days = Days(psycopg_url(url), directory / "ledger")
        span = [project], at - timedelta(days=1), at + timedelta(days=1)
        whole = timed(lambda: days.at(*span))
        unchanged = statistics.median(timed(lambda: days.at(*span)) for _ in range(TURNS)) * 1e3
        changed = []
        for _ in range(TURNS):
            asyncio.run(store(NEWS))
            changed.append(timed(lambda: days.at(*span)) * 1e3)
        days.close()
    return [
        ("Postgres: a day read whole, events a second", f"{DAY_EVENTS / whole:,.0f}", ""),
        (f"Postgres: {DAY_EVENTS:,} events, nothing new, ms", f"{unchanged:.1f}", ""),
        (f"Postgres: {DAY_EVENTS:,} events, {NEWS} new, ms", f"{statistics.median(changed):.1f}", ""),
        ("Postgres: the same, read whole, ms", f"{whole * 1e3:,.0f}", ""),
    ]


def _project(url: str) -> int:
    from tests.plugins.accounts import make_project

    return make_project(url, "bench")


def _target(found: float, most: float) -> str:
    return f"≤ {most} {'met' if found <= most else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    print(f"{options.events:,} events, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name:
        directory = Path(name)
        for part in (
            lambda: measure_local(directory / "home", options.events),
            lambda: measure_sealed(directory / "sealed", options.events),
            lambda: measure_postgres(directory),
        ):
            for what, figure, said in part():
                print(f"{what:<48}{figure:>12}  {said}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
