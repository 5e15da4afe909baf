"""Real clients, answered from memory, event by event."""

import importlib.util
import json

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.wire import Wire, client_of
from tokenbudget import config
from tokenbudget.testing import capture_events

# It holds openai below version 3, so `dev.py test` runs these in an environment of their own.
collect_ignore = [] if importlib.util.find_spec("litellm") else ["test_litellm.py", "test_litellm_recordings.py"]


@pytest.fixture(autouse=True)
def faults_are_failures(monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")
    yield
    config.reset()


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured


def chat_server(request):
    """Answer like OpenAI: usage in a stream only when asked for."""
    body = json.loads(request.content)
    if not body.get("stream"):
        return bodies.CHAT
    asked = (body.get("stream_options") or {}).get("include_usage")
    return bodies.CHAT_STREAM_WITH_USAGE if asked else bodies.CHAT_STREAM


def helpers(client):
    """Return what has the helpers that parse and accumulate: at first they were a beta."""
    completions = client.chat.completions
    return completions if hasattr(completions, "parse") else client.beta.chat.completions


def _client(cls, wire, **options):
    sdk = next(sdk for sdk in (openai, anthropic) if issubclass(cls, (sdk.Client, sdk.AsyncClient)))
    http = client_of(sdk, wire, is_async=cls.__name__.startswith("Async"))
    return cls(api_key="unused", http_client=http, **options)


@pytest.fixture
def connect():
    """Return ``connect(cls, *answers, **options)`` -> (wrapped client, wire)."""

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
