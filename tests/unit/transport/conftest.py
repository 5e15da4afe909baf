"""A small HTTP server that answers as it is told, and remembers what it was sent."""

import gzip
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tokenbudget.config import Config


class Server:
    """`script`: a callable of the events per request, giving (status, body, headers); after it, all is well."""

    def __init__(self):
        self.script = []
        self.seen = Counter()
        self.batches = []
        self.headers = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["content-length"]))
                status, body, headers = outer.answer(json.loads(gzip.decompress(raw))["events"], self.headers)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"
        threading.Thread(target=self._httpd.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, events, headers):
        self.headers.append(dict(headers))
        self.batches.append([event["id"] for event in events])
        if self.script:
            return self.script.pop(0)(events)
        return self.accept(events)

    def accept(self, events, rejected=()):
        refused = {item["index"] for item in rejected}
        kept = [event["id"] for n, event in enumerate(events) if n not in refused]
        self.seen.update(kept)
        return 202, {"accepted": len(kept), "duplicates": 0, "rejected": list(rejected)}, {}

    def close(self):
        self._httpd.shutdown()
        self._httpd.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def settings(server, tmp_path):
    return Config(home=tmp_path, url=server.url, api_key="tb_ak_0")
