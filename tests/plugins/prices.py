"""A place that publishes a price table, over real HTTP on the loopback."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Publisher:
    """What is published; tests change it.

    Attributes
    ----------
    table : dict
        The table; None sends `body` instead.
    body : bytes
    status : int
    etag : str or None
        Sent, and compared with what is asked for.
    pause : float
        Seconds between head and body.
    asked : list of (str, str or None)
        Path and ``If-None-Match`` of each request.
    """

    table: dict[str, Any] | None = None
    body: bytes = b""
    status: int = 200
    etag: str | None = None
    pause: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def content(self) -> bytes:
        return self.body if self.table is None else json.dumps(self.table).encode()


def _handler(publisher: Publisher) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("If-None-Match")
            publisher.asked.append((self.path, known))
            fresh = publisher.etag is None or publisher.etag != known
            body = publisher.content() if fresh else b""
            self.send_response(publisher.status if fresh else 304)
            for name, value in publisher.headers.items():
                self.send_header(name, value)
            if publisher.etag:
                self.send_header("ETag", publisher.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            time.sleep(publisher.pause)
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def publisher():
    """Publish a price table at ``publisher.url``."""
    published = Publisher()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(published))
    server.daemon_threads = True
    published.url = f"http://127.0.0.1:{server.server_address[1]}/prices.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield published
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
