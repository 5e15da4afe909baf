"""Ingest's load: skewed events as the library sends them, and a sender that is a process of its own."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import priced

_MODELS = [
    ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
    ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-flash", None),
    ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ("openai", "o3-2025-04-16", "o3"),
    ("mistral", "mistral-small-latest", None),
]
_MODEL_WEIGHTS = [40, 25, 14, 9, 6, 4, 2]
_PERCENT_FAILED, _PERCENT_LATE = 1, 1


class Batch(NamedTuple):
    """A request: whose key it carries (0 is the largest project's), how many events, and its compressed body."""

    project: int
    events: int
    body: bytes


class Sent(NamedTuple):
    """What sending came to: its seconds, the sender's own CPU seconds, and the seconds until each acknowledgement."""

    seconds: float
    cpu: float
    waits: list[float]


def make_event(random: Random, now: datetime) -> Event:
    """Make up one call of the last minutes, or, one in a hundred, one of the last days that comes late."""
    provider, model, requested = random.choices(_MODELS, _MODEL_WEIGHTS)[0]
    failed = random.randrange(100) < _PERCENT_FAILED
    inputs, outputs = int(random.lognormvariate(6.5, 1.2)), int(random.lognormvariate(5, 1))
    ago = random.uniform(0, 3 * 86_400) if random.randrange(100) < _PERCENT_LATE else random.uniform(0, 120)
    cached = inputs // 2 if random.random() < 0.3 else 0
    tags = {
        "feature": f"feature-{min(int(random.paretovariate(0.7)), 40)}",
        "user_id": f"u{min(int(random.paretovariate(0.3)), 50_000)}",
        "env": "production",
    }
    return priced(
        Event(
            id=uuid7(),
            occurred_at=now - timedelta(seconds=ago),
            provider=provider,
            model=model,
            requested_model=requested,
            usage=Usage() if failed else Usage(input_tokens=inputs, output_tokens=outputs, cache_read_tokens=cached),
            latency_ms=round(random.lognormvariate(6.5, 0.8), 1),
            status="error" if failed else "ok",
            error_type="RateLimitError" if failed else None,
            response_id=None if failed else f"chatcmpl-{random.getrandbits(120):030x}",
            tags=tags,
        )
    )


def batch(project: int, events: Sequence[Event]) -> Batch:
    """Compress events as the shipper does."""
    body = b'{"events":[' + b",".join(map(encode, events)) + b"]}"
    return Batch(project, len(events), gzip.compress(body, compresslevel=1, mtime=0))


class Sender:
    """Sends batches over connections that it keeps, one thread each: blocking sockets cost the least CPU."""

    def __init__(self, port: int, keys: Sequence[str], connections: int) -> None:
        self._port = port
        self._heads = [_head(port, key) for key in keys]
        self._connections = connections

    def at_once(self, batches: Sequence[Batch]) -> Sent:
        """Send as fast as answers come."""
        return self._send(batches, itertools.repeat(0.0))

    def at_rate(self, batches: Sequence[Batch], events_per_second: float) -> Sent:
        """Send on schedule, whether or not earlier ones were answered; waits count from the time in the schedule."""
        due = itertools.accumulate((batch.events / events_per_second for batch in batches), initial=0.05)
        return self._send(batches, due)

    def _send(self, batches: Sequence[Batch], due: Iterator[float] | itertools.repeat[float]) -> Sent:
        todo = iter(list(zip(due, batches, strict=False)))
        lock, waits, faults = threading.Lock(), [], []
        sockets = [self._connect() for _ in range(self._connections)]

        def work(connection: socket.socket) -> None:
            while not faults:
                with lock:
                    at, one = next(todo, (0.0, None))
                if one is None:
                    return
                try:
                    waits.append(self._exchange(connection, one, began + at if at else None))
                except (OSError, ValueError) as error:
                    faults.append(error)

        threads = [threading.Thread(target=work, args=(each,)) for each in sockets]
        began, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began, time.process_time() - cpu
        for each in sockets:
            each.close()
        if faults:
            raise faults[0]
        return Sent(*took, waits)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _exchange(self, connection: socket.socket, one: Batch, planned: float | None) -> float:
        """Send a batch when it is planned, or at once, and give the seconds from then to its acknowledgement."""
        now = time.perf_counter()
        if planned is not None and planned > now:
            time.sleep(planned - now)
        connection.sendall(self._heads[one.project] + b"%d\r\n\r\n" % len(one.body) + one.body)
        answer = b""
        while not answer.endswith(b"}") and (more := connection.recv(65_536)):
            answer += more
        if not (answer.startswith(b"HTTP/1.1 202") and b'"accepted":%d,' % one.events in answer):
            raise ValueError(f"not all was accepted: {answer!r}")
        return time.perf_counter() - (now if planned is None else planned)


def _head(port: int, key: str) -> bytes:
    return (
        f"POST /v1/events/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: "
    ).encode()


def make_events(count: int, seed: int) -> list[Event]:
    """Make up calls of the present."""
    random, now = Random(seed), datetime.now(UTC)
    return [make_event(random, now) for _ in range(count)]
