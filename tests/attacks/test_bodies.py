"""Bodies: none is read before it is known who sends it, is waited for without end, or is larger than allowed."""

import asyncio
import json
import logging
import re
import socket
import sys
from pathlib import Path

import pytest
from litestar import Request, get, post
from litestar.di import Provide
from litestar.openapi.spec import SecurityScheme
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.ports import free_port
from tests.plugins.server import HOST, PATIENCE_SECONDS
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.app import create_app, mount
from tokenbudget_server.db.migrate import migrate
from tokenbudget_server.launch.child import Child
from tokenbudget_server.settings import Settings
from tokenbudget_server.web import bodies
from tokenbudget_server.web.bodies import LARGEST_BODY, TimedRequest
from tokenbudget_server.web.cancellation import while_connected
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.problems import ProblemError

NOWHERE = create_async_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")  # Never connected to.
SETTINGS = Settings(
    home=Path("nowhere"), database_url="postgresql://nobody@127.0.0.1:9/nothing", admin_key="the admin's"
)
JSON = (b"content-type", b"application/json")


def provide_guest(request: Request) -> str:
    if "x-name" not in request.headers:
        raise ProblemError(401, "say who you are")
    return request.headers["x-name"]


@post("/by-data", sync_to_thread=False)
def post_data(data: dict[str, int], guest: str) -> str:
    return f"{guest}: {len(data)}"


@post("/by-hand")
async def post_by_hand(request: Request, guest: str) -> str:
    return f"{guest}: {len(await request.json())}"


@post("/through-another")
async def post_through_another(data: dict[str, int], friend: str) -> str:
    return f"{friend}: {len(data)}"


@post("/without-a-credential", sync_to_thread=False)
def post_without_credential(data: dict[str, int]) -> str:
    return str(len(data))


@get("/body", sync_to_thread=False)
def get_body(guest: str) -> str:
    return guest


def provide_friend(guest: str) -> str:
    return f"a friend of {guest}"


# Features of tomorrow: neither says anything of bodies.
FEATURE = Feature(
    name="guests",
    routes=[post_data, post_by_hand, post_through_another, post_without_credential, get_body],
    dependencies={
        "guest": Dependency(provide=Provide(provide_guest, sync_to_thread=False), security="Name", problems=(401,)),
        "friend": Dependency(provide=Provide(provide_friend, sync_to_thread=False)),
    },
    security={"Name": SecurityScheme(type="apiKey", name="X-Name", security_scheme_in="header")},
)
APP = mount([FEATURE], NOWHERE)


class Asked:
    """What became of a request that was sent without a network in between."""

    def __init__(self, app, path, messages=(), headers=(), method="POST"):
        self.received, self._messages, self._sent = 0, list(messages), []
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [JSON, *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "scheme": "http",
        }
        asyncio.run(app(self._scope, self._receive, self._send))
        self.status = self._sent[0]["status"]
        self.headers = dict(self._sent[0]["headers"])
        self.text = b"".join(message.get("body", b"") for message in self._sent[1:]).decode()

    async def _receive(self):
        self.received += 1
        if self._messages:
            return self._messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message):
        self._sent.append(message)


def part(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


NAME = (b"x-name", b"Ada")
GONE = {"type": "http.disconnect"}
WITH_CREDENTIAL = ["/by-data", "/by-hand", "/through-another"]


@pytest.mark.parametrize("path", WITH_CREDENTIAL)
def test_who_has_no_credential_is_told_so_before_a_byte_is_read(path):
    refused = Asked(APP, path, [part(b"{}", more=False)])
    assert (refused.status, refused.received) == (401, 0)
    taken = Asked(APP, path, [part(b'{"a"'), part(b":1}", more=False)], [NAME])
    assert (taken.status, taken.text[-6:]) == (201, "Ada: 1")


def routes_with_a_body():
    app = create_app(SETTINGS)
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            asks = handler.opt.get("credentials")  # Signing in does not.
            for method in sorted(handler.http_methods & {"POST", "PUT", "PATCH", "DELETE"} if asks else ()):
                yield method, re.sub(r"{\w+:int}", "1", route.path)


ROUTES = sorted(routes_with_a_body())


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_reads_a_body_of_nobodys(method, path):
    refused = Asked(create_app(SETTINGS), path, [part(b" " * 1_000)] * 100, method=method)
    assert (refused.status in (400, 401, 403, 404), refused.received) == (True, 0)


def test_a_credential_is_looked_at_once(monkeypatch):
    looked = []

    def provide(request: Request) -> str:
        looked.append(request.url.path)
        return "Ada"

    guest = Dependency(provide=Provide(provide, sync_to_thread=False), security="Name")
    feature = Feature(
        name="guests",
        routes=FEATURE.routes,
        dependencies={**FEATURE.dependencies, "guest": guest},
        security=FEATURE.security,
    )
    for path in WITH_CREDENTIAL:
        assert Asked(mount([feature], NOWHERE), path, [part(b"{}", more=False)]).status == 201
    assert Asked(mount([feature], NOWHERE), "/body", method="GET").received == 0
    assert looked == [*WITH_CREDENTIAL, "/body"]


@pytest.mark.parametrize("path", [*WITH_CREDENTIAL, "/without-a-credential"])
@pytest.mark.parametrize(
    ("messages", "seconds"),
    [([part(b'{"a')], ("SILENT_SECONDS", 0.01)), ([part(b" ")] * 50_000, ("WHOLE_SECONDS", 0.0))],
)
def test_a_body_is_not_waited_for_without_end(path, messages, seconds, monkeypatch, caplog):
    monkeypatch.setattr(bodies, *seconds)
    ended = Asked(APP, path, messages, [NAME])
    assert (ended.status, ended.headers[b"connection"]) == (408, b"close")
    assert json.loads(ended.text)["type"] == "/problems/incomplete-body"
    assert not caplog.records


@pytest.mark.parametrize("path", [*WITH_CREDENTIAL, "/without-a-credential"])
def test_a_client_that_hangs_up_is_no_mistake_of_the_server(path, caplog):
    with caplog.at_level(logging.DEBUG):
        ended = Asked(APP, path, [part(b'{"a'), GONE], [NAME])
    assert ended.status == 408
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


@pytest.mark.parametrize("path", [*WITH_CREDENTIAL, "/without-a-credential"])
@pytest.mark.parametrize("headers", [[], [(b"content-length", b"%d" % (LARGEST_BODY + 1))]])
def test_a_body_is_as_large_as_the_route_takes_whatever_it_says(path, headers):
    refused = Asked(APP, path, [part(b" " * 1_024)] * 1_000, [NAME, *headers])
    assert refused.status == 413
    assert refused.received <= (0 if headers else LARGEST_BODY // 1_024 + 1)


def test_a_request_is_gone_with_its_last_reference():
    scope = {"type": "http", "headers": [], "state": {}}

    async def receive():
        return GONE

    before = sys.getrefcount(receive)
    request = TimedRequest(scope, receive)
    assert request.receive is not None
    del request
    assert sys.getrefcount(receive) == before


def test_who_finds_out_who_asks_may_watch_whether_the_client_hangs_up():
    async def provide(request: Request) -> str:
        looked.append("looked")
        return await while_connected(request, asyncio.sleep(0.01, "Ada"))

    looked = []
    feature = Feature(
        name="guests",
        routes=[get_body],
        dependencies={"guest": Dependency(provide=Provide(provide), security="Name")},
        security=FEATURE.security,
    )
    asked = Asked(mount([feature], NOWHERE), "/body", [part(b"", more=False)], method="GET")
    assert (asked.status, asked.text, looked) == (200, "Ada", ["looked"])


def test_who_watches_a_client_when_its_body_is_whole_waits_for_long_and_is_told(monkeypatch):
    monkeypatch.setattr(bodies, "SILENT_SECONDS", 0.0)

    @post("/watched")
    async def watch(request: Request) -> str:
        assert await request.body() == b"{}"
        return (await request.receive())["type"]

    asked = Asked(
        mount([Feature(name="watched", routes=[watch])], NOWHERE), "/watched", [part(b"{}", more=False), GONE]
    )
    assert (asked.status, asked.text) == (201, "http.disconnect")


def exchange(url, *pieces, end=False):
    """Send pieces over a connection of one's own, and give what is answered until the server closes it."""
    host, port = url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                answer += more
        except OSError:  # The server closed it meanwhile.
            pass
    return answer


def head(method, path, *lines, key=None):
    credential = [f"Authorization: Bearer {key}"] if key else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *credential, *lines, "", ""]).encode()


@pytest.fixture
def project(running_server):
    return running_server("attacked")


@pytest.mark.postgres
def test_many_large_bodies_without_a_key_hold_nothing(project):
    first = head("POST", "/api/projects/1/keys", "Content-Length: 9000000", "Content-Type: application/json")
    for _ in range(60):
        assert exchange(project.url, first).startswith((b"HTTP/1.1 401", b"HTTP/1.1 413"))
    chunked = head("POST", "/v1/events/batch", "Transfer-Encoding: chunked") + b"100000\r\n" + b" " * 2**20
    assert exchange(project.url, chunked)[:12] in (b"HTTP/1.1 401", b"")


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("lines", "body", "answered"),
    [
        (["Content-Length: 100", "Expect: 100-continue"], b"", b"HTTP/1.1 401"),
        (["Content-Length: 100"], b"{", b"HTTP/1.1 401"),
        (["Content-Length: -1"], b"", b"HTTP/1.1 400"),
        (["Content-Length: 5", "Content-Length: 6"], b"12345", b"HTTP/1.1 400"),
        (["Content-Length: 1" + "0" * 30], b"", b"HTTP/1.1 400"),
        (["Transfer-Encoding: chunked"], b"zz\r\n", b"HTTP/1.1 401"),
    ],
)
def test_what_is_said_of_a_body_is_not_believed(project, lines, body, answered):
    answer = exchange(project.url, head("POST", "/v1/events", *lines) + body, end=True)
    assert answer.startswith(answered)
    assert b"100 Continue" not in answer


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("lines", "body", "answered"),
    [
        (["Content-Length: 100"], b"{", b"HTTP/1.1 408"),
        (["Transfer-Encoding: chunked"], b"5\r\n{", b"HTTP/1.1 408"),
        (["Transfer-Encoding: chunked"], b"zz\r\n", b"HTTP/1.1 408"),
        (["Content-Length: 2"], b"{}and more", b"HTTP/1.1 400"),
        (["Transfer-Encoding: chunked"], b"600000\r\n" + b" " * 0x600000 + b"\r\n0\r\n\r\n", b"HTTP/1.1 413"),
    ],
)
def test_a_body_that_ends_too_early_or_too_late_ends_its_connection(project, lines, body, answered):
    answer = exchange(project.url, head("POST", "/v1/events", *lines, key=project.key) + body, end=True)
    assert answer[:12] in (answered, b"")  # Where more is sent than is read, the answer may be lost.


@pytest.mark.postgres
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_that_nobody_asked_for_is_not_read(project, method):
    path = "/api/projects" if method == "GET" else "/api/keys/999999"
    for said, sent in ((5, b"hello"), (10**9, b"hello")):
        lines = ("Connection: close", f"Content-Length: {said}")
        answer = exchange(project.url, head(method, path, *lines, key=project.key) + sent)
        assert answer.startswith(b"HTTP/1.1 200" if method == "GET" else b"HTTP/1.1 404")


@pytest.mark.postgres
def test_a_worker_that_stops_does_not_wait_for_a_body(postgres_url, tmp_path):
    migrate(postgres_url)
    key, port = ensure_first_key(postgres_url, None), free_port()
    environment = {"TOKENBUDGET_DATABASE_URL": postgres_url, "TOKENBUDGET_HOME": str(tmp_path)}
    log = tmp_path / "api.log"
    child = Child("the API", "tokenbudget_server.launch.api", [HOST, str(port), "1"], environment, log)
    try:
        child.wait_until_serving(HOST, port, "/health", PATIENCE_SECONDS)
        with socket.create_connection((HOST, port), timeout=60) as connection:
            lines = ("Content-Length: 100", "Expect: 100-continue")
            connection.sendall(head("POST", "/v1/events", *lines, key=key))
            assert b"100 Continue" in connection.recv(65_536)  # It is waited for.
            connection.sendall(b"{")
            child.stop()
            assert connection.recv(65_536).startswith(b"HTTP/1.1 408")
    finally:
        child.stop()
    assert "refused to gracefully stop" not in log.read_text()
