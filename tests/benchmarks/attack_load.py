"""Load that means harm: generators that go on until they are told to stop, each by one kind of attack."""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.synchronize import Event as Flag
from typing import Any
from uuid import uuid4

HOST = "127.0.0.1"
QUESTIONS_AT_ONCE = 100
HALF_SENT = 60
SLOW = 20
WRONG_KEYS_AT_ONCE = 50
_SECONDS = 60
_LARGE = 2_400_000
_NUMBERS = b",".join([b"1"] * _LARGE)

Said = Counter[str]
"""How often each attack was answered with which status, or how it ended."""


def event(**fields: Any) -> dict[str, Any]:
    """Make up an event of now."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    now = datetime.now(UTC).isoformat()
    return {
        "id": str(uuid4()),
        "occurred_at": now,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "usage": usage,
    } | fields


def packed(*events: dict[str, Any]) -> bytes:
    """Compress events as a batch."""
    return gzip.compress(json.dumps({"events": events}).encode(), compresslevel=1)


def hostile_bodies() -> Sequence[bytes]:
    """Make bodies that are small to send and large to read."""
    half = b'{"events":["\\ud800",' + _NUMBERS + b"]}"
    notes = {f"note {number}": number for number in range(1_900)}
    kinds = {f"kind {number}": 1 for number in range(50)}
    passes = [{"usage": {"input_tokens": 1, "output_tokens": 1}, "model": "gpt-4o"}] * 100
    return [
        gzip.compress(half),
        gzip.compress(b'{"events":[' + _NUMBERS + b"]}"),
        gzip.compress(b'{"events":' + b"[" * 5_000_000),
        gzip.compress(b'{"events":["' + b"\\ud800" * 40_000 + b'"]}'),
        gzip.compress(b" " * 5_000_000),
        packed(*(event(metadata=notes) for _ in range(120))),
        packed(*(event(warnings=[f"warning {number}" for number in range(1_900)]) for _ in range(120))),
        packed(*(event(usage={"input_tokens": 100, "output_tokens": 100, "passes": passes}) for _ in range(400))),
        packed(*(event(usage={"input_tokens": 1, "output_tokens": 1, "tools": kinds}) for _ in range(900))),
        packed(event(metadata={"text": "\0" * 800_000})),
    ]


def unknown_models() -> Iterator[bytes]:
    """Make batches whose models nobody knows, each time others."""
    for number in itertools.count():
        yield packed(*(event(model=f"gpt-4oo-{number}-{each}-{secrets.token_hex(8)}") for each in range(1_000)))


class Attack:
    """All attacks at once, each by threads of its own, until `stop` is called.

    Parameters
    ----------
    port : int
    key : str
        The attacker's own key.
    known : str
        A key whose beginning is known, but not its end.
    over : Event
        Set when it is to end.
    only : collection of str
        The kinds of attack; all when empty.
    """

    def __init__(self, port: int, key: str, known: str, over: Flag, only: Collection[str] = ()) -> None:
        self._port = port
        self._key = key
        self._known = known
        self._over = over
        self._only = only
        self.said: Said = Counter()

    def run(self) -> Said:
        """Attack until it is over; give what was answered."""
        bodies, unknown = itertools.cycle(hostile_bodies()), unknown_models()
        kinds: list[tuple[str, int, Callable[[], str]]] = [
            ("hostile body", 2, lambda: self._post(next(bodies))),
            ("unknown models", 1, lambda: self._post(next(unknown))),
            ("wrong key", WRONG_KEYS_AT_ONCE, self._ask_with_a_wrong_key),
            ("question", QUESTIONS_AT_ONCE, self._question),
            ("half-sent body", HALF_SENT, lambda: self._send_slowly(b'{"events":[', pause=_SECONDS)),
            ("slow body", SLOW, lambda: self._send_slowly(b" ", pause=0.5)),
            ("large body without a key", 8, self._send_without_a_key),
        ]
        lock = threading.Lock()  # Generators are used by several threads.
        threads = [
            threading.Thread(target=self._repeat, args=(name, work, lock), daemon=True)
            for name, count, work in kinds
            if not self._only or name in self._only
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        self._over.wait()
        return self.said

    def _repeat(self, name: str, work: Callable[[], str], lock: threading.Lock) -> None:
        while not self._over.is_set():
            try:
                ended = work()
            except (OSError, http.client.HTTPException) as error:
                ended = type(error).__name__
            with lock:
                self.said[f"{name}: {ended}"] += 1
            time.sleep(0.01)

    def _ask(self, method: str, path: str, key: str, body: bytes | None = None) -> str:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_SECONDS)
        headers = {"Authorization": f"Bearer {key}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        finally:
            connection.close()

    def _post(self, body: bytes) -> str:
        return self._ask("POST", "/v1/events/batch", self._key, body)

    def _ask_with_a_wrong_key(self) -> str:
        return self._ask("GET", "/api/projects", self._known[:-4] + secrets.token_hex(2))

    def _question(self) -> str:
        return self._ask("GET", f"/api/analytics/by-tag?key=user_id&limit={1 + secrets.randbelow(1_000)}", self._key)

    def _send_slowly(self, piece: bytes, pause: float) -> str:
        with socket.create_connection((HOST, self._port), timeout=_SECONDS) as connection:
            connection.sendall(self._head("/v1/events/batch", f"Authorization: Bearer {self._key}", 5_000_000))
            connection.settimeout(pause)
            while not self._over.is_set():
                connection.sendall(piece)
                try:
                    return connection.recv(64)[9:12].decode() or "closed"
                except TimeoutError:
                    continue
        return "over"

    def _send_without_a_key(self) -> str:
        with socket.create_connection((HOST, self._port), timeout=_SECONDS) as connection:
            connection.sendall(self._head("/api/projects/1/keys", "X-Nobody: me", 9_000_000))
            for _ in range(36):
                connection.sendall(b" " * 250_000)
            return connection.recv(64)[9:12].decode() or "closed"

    def _head(self, path: str, line: str, length: int) -> bytes:
        lines = (f"POST {path} HTTP/1.1", f"Host: {HOST}", line, "Content-Type: application/json")
        return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()
