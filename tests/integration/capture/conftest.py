"""Real clients, answered from memory, event by event."""

import json

import anthropic
import httpx2
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tokenbudget import config
from tokenbudget.testing import capture_events


@pytest.fixture(autouse=True)
def faults_are_failures(monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")
    yield
    config.reset()


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured


class Wire:
    """Answers requests in turn (the last answer again and again) and remembers them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx2.Response | Exception):
            if isinstance(answer, Exception):
                raise answer
            return answer
        if isinstance(answer, dict):
            return httpx2.Response(200, json=answer)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(answer))

    async def answer(self, request):
        return self(request)

    @property
    def sent(self):
        return json.loads(self.requests[-1].content)


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body whose parts come one at a time; an exception among them breaks the connection."""

    def __init__(self, parts):
        self.parts = parts
        self.taken = 0
        self.closed = False

    def __iter__(self):
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            self.taken += 1
            yield part

    async def __aiter__(self):
        for part in self:
            yield part

    def close(self):
        self.closed = True

    async def aclose(self):
        self.closed = True


def chat_server(request):
    """Answer like OpenAI: usage in a stream only when asked for."""
    body = json.loads(request.content)
    if not body.get("stream"):
        return bodies.CHAT
    asked = (body.get("stream_options") or {}).get("include_usage")
    return bodies.CHAT_STREAM_WITH_USAGE if asked else bodies.CHAT_STREAM


def _client(cls, wire, **options):
    transport = httpx2.MockTransport(wire if not cls.__name__.startswith("Async") else wire.answer)
    http = httpx2.AsyncClient if cls.__name__.startswith("Async") else httpx2.Client
    return cls(api_key="unused", http_client=http(transport=transport), **options)


@pytest.fixture
def connect():
    """Give ``connect(cls, *answers, **options)`` -> (wrapped client, wire)."""

    def connecting(cls, *answers, wrap=True, **options):
        wire = Wire(*answers)
        client = _client(cls, wire, **options)
        return (tb.wrap(client) if wrap else client), wire

    return connecting


@pytest.fixture
def chat(connect):
    return connect(openai.OpenAI, chat_server)


@pytest.fixture
def claude(connect):
    def server(request):
        return bodies.MESSAGE_STREAM if json.loads(request.content).get("stream") else bodies.MESSAGE

    return connect(anthropic.Anthropic, server)
