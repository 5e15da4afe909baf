"""The network between a client and the real server: passes requests on, or fails as it is told."""

import http.client
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEPT = ("content-type", "retry-after", "date")


class Network:
    """A port in front of `upstream`, a port too.

    Attributes
    ----------
    faults : list of callable
        What becomes of the next requests; each is given the handler and a function that passes the request on.
    answers : list of int
        The status of every answer the server gave, whether it reached the client or not.
    """

    def __init__(self, upstream):
        self.upstream = upstream
        self.faults = []
        self.answers = []
        self._connections = set()
        self._httpd = None
        self._port = 0
        self.up()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def up(self):
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                network._connections.add(self.connection)

            def finish(self):
                network._connections.discard(self.connection)
                super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                fault = network.faults.pop(0) if network.faults else passed_on
                fault(self, lambda: network.ask(self.path, body, self.headers))

            def log_message(self, *arguments):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._httpd.daemon_threads = True
        self._httpd.handle_error = lambda *arguments: None  # A client that was killed is the point.
        self._port = self._httpd.server_port
        threading.Thread(target=self._httpd.serve_forever, args=(0.01,), daemon=True).start()

    def down(self):
        self._httpd.shutdown()
        self._httpd.server_close()
        for connection in list(self._connections):  # Those kept alive, too.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def outage(self):
        self.down()
        try:
            yield
        finally:
            self.up()

    def ask(self, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        try:
            connection.request("POST", path, body, dict(headers))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        self.answers.append(response.status)
        return response.status, dict(response.getheaders()), data


def answer(handler, status, headers, data):
    handler.send_response_only(status)
    for name, value in headers.items():
        if name.lower() in KEPT:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def passed_on(handler, ask):
    answer(handler, *ask())


def refused(status, **headers):
    return lambda handler, ask: answer(handler, status, headers, b'{"detail":"made up by the test"}')


def delayed(seconds):
    def fault(handler, ask):
        result = ask()
        time.sleep(seconds)
        answer(handler, *result)

    return fault


def _reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def reset_after_commit(handler, ask):
    ask()
    _reset(handler)


def reset_before(handler, ask):
    _reset(handler)


def cut_short(handler, ask):
    """Commit, then deliver half an answer."""
    _, _, data = ask()
    handler.send_response_only(202)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    _reset(handler)
