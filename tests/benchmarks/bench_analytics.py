"""What questions cost on the server's sealed days: milliseconds, beside DuckDB on the same Parquet files.

A million events over 90 days and then ten million, to see what grows; ``--events=50M`` measures a million and fifty.
The data is made a day at a time; ``--data=DIRECTORY`` keeps it there, and ``--make`` only makes it.
Each question is asked several times, ours and DuckDB's in turns; figures are medians and, for cubes, the slowest of
twenty.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.skewed import DAYS, LAST, PROJECT, seal, until
from tokenbudget import analytics
from tokenbudget.analytics.quantiles import EXACT_UP_TO
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query
from tokenbudget_server.ledger import LedgerSnapshot
from tokenbudget_server.ledger.display_names import Names

TURNS = 7
CUBE_TURNS = 20
TARGET_CUBE_MS = 50
TARGET_GROWTH = 1.5
GROWN = 10_000_000
"""Events at which questions are compared with those about a million."""
TARGET_SCAN_MS = {10_000_000: 400, 50_000_000: 2_000}
TARGET_RATIO = 2.0

_SUMS = (
    "count(*), count(cost_pico), sum(cost_pico::hugeint), sum(input_tokens), count(input_tokens), sum(output_tokens),"
    " count(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(reasoning_tokens),"
    " count(*) FILTER (WHERE status = 'error'), count(*) FILTER (WHERE status = 'aborted'),"
    " count(*) FILTER (WHERE measured = 'estimated'), sum(latency_ms), count(latency_ms)"
)
_LEVELS = "[0.5, 0.9, 0.95, 0.99]"
_QUANTILES = ", ".join(
    f"quantile_cont({name}, {_LEVELS})" for name in ("cost_pico", "latency_ms", "time_to_first_token_ms")
)

Ask = Callable[[], object]
Measured = tuple[bool, float, float, float]


def questions(source: LedgerSnapshot, files: list[str], events: int) -> dict[str, tuple[bool, Ask, Ask]]:
    """Return each question: whether a cube answers it, how we do, and how DuckDB does."""
    period = parse(f"{LAST - timedelta(days=DAYS - 1)}..{LAST}", until())
    query = partial(Query, period=period)
    connection = duckdb.connect()
    table = f"read_parquet({files!r}, union_by_name=true)"
    where = f"WHERE occurred_at >= '{period.start}' AND occurred_at < '{period.end}'"

    def sql(columns: str, group: str = "") -> Ask:
        by = f"GROUP BY {group}" if group else ""
        selected = f"{group}, {columns}" if group else columns
        return lambda: connection.sql(f"SELECT {selected} FROM {table} {where} {by}").to_arrow_table()

    return {
        "summary": (True, lambda: analytics.summary(source, query()), sql(_SUMS)),
        "by model": (True, lambda: analytics.by(source, query(by=("model",))), sql(_SUMS, "model")),
        "by feature": (True, lambda: analytics.by(source, query(by=("feature",))), sql(_SUMS, "tag_feature")),
        "day × model": (
            True,
            lambda: analytics.timeseries(source, query(by=("model",), interval="day")),
            sql(_SUMS, "date_trunc('day', occurred_at), model"),
        ),
        "by user": (  # Of a million: scanned, as a user has few events a day.
            False,
            lambda: analytics.by(source, query(by=("user_id",), limit=20)),
            sql(_SUMS, "tag_user_id"),
        ),
        "hour × model, scanned": (
            False,
            lambda: analytics.timeseries(source, query(by=("model",), interval="hour")),
            sql(_SUMS, "date_trunc('hour', occurred_at), model"),
        ),
        "percentiles by model": (
            events > EXACT_UP_TO,
            lambda: analytics.percentiles(source, query(by=("model",))),
            sql(_QUANTILES, "model"),
        ),
        "exact percentiles, scanned": (
            False,
            lambda: analytics.percentiles(source, query(), exact=True),
            sql(_QUANTILES),
        ),
        "exact percentiles by model": (
            False,
            lambda: analytics.percentiles(source, query(by=("model",)), exact=True),
            sql(_QUANTILES, "model"),
        ),
        "exact latency by model": (
            False,
            lambda: analytics.percentiles(source, query(by=("model",)), exact=True, measures=("latency_ms",)),
            sql(f"quantile_cont(latency_ms, {_LEVELS})", "model"),
        ),
    }


def milliseconds(ask: Ask) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1e3


def measure(events: int, directory: Path, turns: int) -> Iterator[tuple[str, Measured]]:
    """Ask everything; return per question: from a cube, median, slowest, DuckDB's median, in milliseconds."""
    made = seal(directory, events)
    versions = {day: version for day, (version, _) in made.items()}
    source = LedgerSnapshot(Names({PROJECT: "bench"}), versions, {}, {day: sealed for day, (_, sealed) in made.items()})
    files = [str(sealed.path) for _, sealed in made.values()]
    for name, (cubed, ours, theirs) in questions(source, files, events).items():
        ours(), theirs()  # Once to warm up.
        samples = [(milliseconds(ours), milliseconds(theirs)) for _ in range(turns)]
        own = [sample[0] for sample in samples]
        if cubed:
            own += [milliseconds(ours) for _ in range(CUBE_TURNS - turns)]
        yield name, (cubed, statistics.median(own), max(own), statistics.median(sample[1] for sample in samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=_number, default=10_000_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--turns", type=int, default=TURNS)
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    before: dict[str, Measured] = {}
    print(f"{'events':>11}  {'question':<28}{'ms':>8}{'slowest':>9}{'DuckDB':>8}{'ratio':>7}  target")
    for events in sorted({min(1_000_000, options.events), options.events}):
        with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as name:
            directory = options.data / str(events) if options.data else Path(name)
            if options.make:
                seal(directory, events)
                continue
            found = {}
            for question, (cubed, median, slowest, duck) in measure(events, directory, options.turns):
                found[question] = cubed, median, slowest, duck
                said = _verdict(events, cubed, median, slowest, duck, before.get(question))
                figures = f"{median:>8.1f}{slowest:>9.1f}{duck:>8.1f}{median / duck:>7.2f}"
                print(f"{events:>11,}  {question:<28}{figures}  {said}", flush=True)
            before = before or found


def _number(text: str) -> int:
    """Read ``50M``, ``200k`` or ``1000000``."""
    times = {"k": 1_000, "M": 1_000_000}.get(text[-1:], 1)
    return int(text.rstrip("kM")) * times


def _verdict(events: int, cubed: bool, median: float, slowest: float, duck: float, before: object) -> str:
    if cubed:
        told = [f"< {TARGET_CUBE_MS} ms {_met(slowest < TARGET_CUBE_MS)}"]
        if isinstance(before, tuple) and before[0] and events == GROWN:
            growth = median / before[1]
            told.append(f"{growth:.1f} × the first size, ≤ {TARGET_GROWTH} {_met(growth <= TARGET_GROWTH)}")
        return ", ".join(told)
    told = [f"≤ {TARGET_RATIO:.0f} × DuckDB {_met(median <= TARGET_RATIO * duck)}"]
    if events in TARGET_SCAN_MS:
        told.append(f"< {TARGET_SCAN_MS[events]} ms {_met(median < TARGET_SCAN_MS[events])}")
    return ", ".join(told)


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
