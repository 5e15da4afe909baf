"""What it costs to know whose key a request has: CPU of a remembered key, and waits under a flood of wrong ones.

The floor is what no check can do without: a digest of the key and a look into a dictionary, measured in turns with it.
The flood comes from other tasks of the same process, so it takes the CPU of whoever has a right key as well.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.cache import MemoryKeyCache
from tokenbudget_server.accounts.principal import ApiKey, Principal, Role
from tokenbudget_server.accounts.verification import Verifier
from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.db import migrate
from tokenbudget_server.db.engines import Engines
from tokenbudget_server.embedded import EmbeddedPostgres
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.errors import OverloadedError, TooManyAtOnceError
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.problems import ProblemError

TARGET_US = 20.0
TARGET_SPREAD = 1.2
TARGET_P99 = 1.1
CALLS, ROUNDS, SIZES = 2_000, 9, (10, 10_000)
FLOODERS = 50
ADDRESSES = (1, FLOODERS)
PAUSE_SECONDS = 0.002
REFUSED_SECONDS = 0.05
"""Until a refused flooder asks again: all of them together send up to 1,000 wrong keys a second."""


def verdict(found: float, most: float) -> str:
    return f"≤ {most} {'met' if found <= most else 'MISSED'}"


async def cpu_us(calls: dict[str, Callable[[int], Awaitable[object]]]) -> dict[str, float]:
    """Measure CPU microseconds of one call: the best of rounds in which they take turns."""
    best = dict.fromkeys(calls, float("inf"))
    gc.disable()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began = time.process_time()
            for number in range(CALLS):
                await call(number)
            best[name] = min(best[name], (time.process_time() - began) / CALLS * 1e6)
    gc.enable()
    return best


async def remembered(verifier: Callable[[MemoryKeyCache], Verifier]) -> None:
    """Measure a remembered key, with its count for the rate limit, among few keys and among many."""
    limits, rate = RateLimits(), Settings(home=Path()).key_limit
    assert rate is not None
    unlimited = type(rate)(rate.name, 10**9, rate.seconds)
    texts = [f"tb_ak_{secrets.token_hex(16)}" for _ in range(max(SIZES))]
    known = {sha256(text.encode()).hexdigest(): text for text in texts}

    async def floor(number: int) -> object:
        return known.get(sha256(texts[number].encode()).hexdigest())

    calls: dict[str, Callable[[int], Awaitable[object]]] = {"floor: digest and dictionary": floor}
    for size in SIZES:
        cache = MemoryKeyCache()
        for id_, text in enumerate(texts[:size]):
            key = ApiKey(id_, f"key_{id_}", frozenset({"ingest"}), project_id=1)
            await cache.put(keys.digest(text), Principal(1, 1, Role.MEMBER, (), key))

        checks = verifier(cache)

        async def check(number: int, checks: Verifier = checks, size: int = size) -> object:
            principal = await checks.remembered(texts[number % size])
            assert principal is not None
            await limits.take(unlimited, str(principal.credential.id))
            return principal

        calls[f"a remembered key and its rate limit, {size:,} keys"] = check
    found = await cpu_us(calls)
    base = next(iter(found.values()))
    for name, each in found.items():
        judged = "" if each is base else f"  {each / base:.1f} × floor  {verdict(each, TARGET_US)}"
        print(f"{f'{name}: CPU µs':<64}{each:>10.2f}{judged}")
    few, many = list(found.values())[1:]
    print(f"{'many keys ÷ few':<64}{many / few:>10.2f}  {verdict(many / few, TARGET_SPREAD)}")


async def waits(verifier: Verifier, text: str, seconds: float) -> list[float]:
    """Ask with a right key on schedule; return the milliseconds that each took."""
    found, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        due = time.perf_counter() + PAUSE_SECONDS
        await asyncio.sleep(PAUSE_SECONDS)
        assert await verifier.remembered(text) is not None
        found.append((time.perf_counter() - due) * 1e3)
    return sorted(found)


async def flood(verifier: Verifier, number: int) -> None:
    """Send wrong keys, from an address."""
    while True:
        try:
            await verifier.verify(f"tb_ak_{secrets.token_hex(16)}", f"2001:db8:{number:x}::1")
        except (ProblemError, OverloadedError, TooManyAtOnceError):
            await asyncio.sleep(REFUSED_SECONDS)


async def flooded(verifier: Verifier, text: str, seconds: float) -> None:
    """Measure right keys in quiet and in floods of one and of many addresses, in turns."""
    assert await verifier.verify(text, "127.0.0.1") is not None
    found: dict[int, list[float]] = {0: [], **{count: [] for count in ADDRESSES}}
    for _ in range(3):
        for count in found:
            tasks = [asyncio.create_task(flood(verifier, number % count)) for number in range(FLOODERS if count else 0)]
            found[count] += await waits(verifier, text, seconds / 3)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    p99 = {count: sorted(each)[int(len(each) * 0.99)] for count, each in found.items()}
    for count, each in p99.items():
        name = f"a right key, flood from {count} address(es)" if count else "a right key, quiet"
        judged = f"  {each / p99[0]:.2f} × quiet  {verdict(each / p99[0], TARGET_P99)}" if count else ""
        print(f"{f'{name}: p99, ms':<64}{each:>10.2f}{judged}")


async def measure(url: str, text: str, seconds: float) -> None:
    engines, pools = Engines.of(url), Pools()
    try:
        await remembered(lambda cache: Verifier(engines.ingest, cache, pools.hashing))
        await flooded(Verifier(engines.ingest, MemoryKeyCache(), pools.hashing), text, seconds)
    finally:
        pools.close()
        await engines.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12, help="of quiet and of flood, each")
    options, _ = parser.parse_known_args()  # Others may be meant for other benchmarks.
    print(f"{os.cpu_count()} CPUs, which Postgres, bcrypt and the checks share")
    with tempfile.TemporaryDirectory(prefix="tokenbudget-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory, "postgres"))
        with postgres.running():
            url = postgres.create_database("auth")
            migrate(url)
            text = make_key(url, make_project(url, "app"), make_member(url, "Ada"))
            asyncio.run(measure(url, text, options.seconds))


if __name__ == "__main__":
    main()
