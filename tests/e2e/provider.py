"""Providers on loopback: recorded-shape answers for real clients over real sockets."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.integration.capture.bodies import CHAT, MESSAGE, but

ANSWERS = {
    "/v1/chat/completions": CHAT,
    # Without what depends on geography or counts searches: tokens alone.
    "/v1/messages": but(MESSAGE, usage__server_tool_use=None, usage__inference_geo=None),
}


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Keep the tests' output to the tests."""


@contextmanager
def serve():
    """Answer on a free port of 127.0.0.1; yields the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
