"""A provider on this machine: it answers every request with what the test says, part by part."""

import contextlib
import gc
import json
import threading
import warnings
from binascii import crc32
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from struct import pack


@dataclass
class Answer:
    """An answer: a dict is JSON, a list of bytes are the parts of a stream."""

    body: dict | list
    status: int = 200
    headers: dict = field(default_factory=dict)

    @property
    def content_type(self):
        if isinstance(self.body, dict):
            return "application/json"
        return "text/event-stream" if self.body[0][:1] in b"de" else "application/vnd.amazon.eventstream"


def aws_event(kind, payload):
    """One message of AWS's event-stream encoding."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    )
    body = json.dumps(payload).encode()
    prelude = pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + pack(">I", crc32(prelude)) + headers + body
    return message + pack(">I", crc32(message))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        body = self._read()
        is_form = "multipart" in self.headers.get("content-type", "")
        server.requests.append((self.path, body if is_form else json.loads(body or b"{}")))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        self.send_response(answer.status)
        for name, value in {"content-type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        if isinstance(answer.body, dict):
            content = json.dumps(answer.body).encode()
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may stop reading
            for part in [*answer.body, b""]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def do_GET(self):
        self.do_POST()

    def _read(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *args):
        pass


class LocalServer(ThreadingHTTPServer):
    """Serves `answers` in turn, the last one again and again, and remembers requests as (path, body)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = []
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, body, status=200, **headers):
        """Answer everything from now on with this."""
        self.answers = [Answer(body, status, headers)]

    def handle_error(self, request, client_address):
        pass  # clients hang up as they like


@contextlib.contextmanager
def running():
    server = LocalServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # how SDKs leave their sockets is theirs
            gc.collect()
        gc.freeze()  # what is left, SDKs mostly, stays: the next collection need not go through it
