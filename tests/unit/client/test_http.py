"""What a server may answer, from a socket of this machine."""

import io
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import polars as pl
import pytest

from tokenbudget.client import Client
from tokenbudget.core.errors import AuthError, PeriodError, QueryError, ServerError, ServerUnreachableError
from tokenbudget.core.period import parse
from tokenbudget.core.query import Query

NOW = datetime(2026, 10, 5, tzinfo=UTC)
QUESTION = Query(
    period=parse("7d", NOW, "Asia/Kolkata"), filters={"model": ("a", "b"), "limit": ("x",), "tag.env": ("",)}
)


@contextmanager
def server(status: int, body: bytes):
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, b'{"detail": "no such key"}', AuthError, r"does not accept the API key \(no such key\)"),
        (403, b'{"detail": "not yours"}', AuthError, "not yours"),
        (400, b'{"detail": "unknown tag"}', QueryError, "^unknown tag$"),
        (400, b'{"detail": "no such", "type": "/problems/invalid-question"}', QueryError, "^no such$"),
        (400, b'{"detail": "no zone", "type": "/problems/invalid-period"}', PeriodError, "^no zone$"),
        (503, b'{"detail": "the database does not answer"}', ServerError, "answered 503: the database does not"),
        (502, b"<html>", ServerError, "is it a TokenBudget server"),
        (200, b"<html>", ServerError, "cannot be read"),
    ],
)
def test_refusals_become_errors_that_say_why(status, body, error, says) -> None:
    with server(status, body) as (url, _), pytest.raises(error, match=says):
        Client(url, "tb_ak_x").summary(QUESTION)


def test_an_answer_of_another_shape_is_an_error() -> None:
    with server(200, b"{}") as (url, _), pytest.raises(ServerError, match="of this version"):
        Client(url, "tb_ak_x").summary(QUESTION)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[broken", "http://"])
def test_no_answer_at_all(url) -> None:
    with pytest.raises(ServerUnreachableError, match="tokenbudget up"):
        Client(url, None).summary(QUESTION)


def test_the_question_arrives_with_tags_told_from_parameters() -> None:
    with server(400, b"{}") as (url, asked), pytest.raises(QueryError):
        Client(url, "tb_ak_x").summary(QUESTION)
    path, headers = asked[0]
    assert path == ("/api/analytics/summary?period=7d&tz=Asia%2FKolkata&model=a&model=b&tag.limit=x&tag.env=")
    assert headers["Authorization"] == "Bearer tb_ak_x"


def test_a_stream_that_broke_off_between_two_pieces_is_not_taken_for_a_shorter_one() -> None:
    sink = io.BytesIO()
    pl.DataFrame({"id": ["a"], "project_id": [1], "api_key_id": [2]}).write_ipc_stream(sink)
    whole = sink.getvalue()
    asked = msgspec.structs.replace(QUESTION, limit=None)
    with server(200, whole) as (url, _):
        assert Client(url, "tb_ak_x").events(asked)["id"].to_list() == ["a"]
    with server(200, whole[:-8]) as (url, _), pytest.raises(ServerError, match="its end is missing"):
        Client(url, "tb_ak_x").events(asked)
