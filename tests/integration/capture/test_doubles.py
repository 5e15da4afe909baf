"""Doubles of clients, as unit tests use them, pass through `wrap` as they are, with a note."""

import logging
from types import SimpleNamespace
from unittest import mock

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies, sdks
from tests.integration.capture.conftest import chat_server
from tokenbudget.capture import wrapping
from tokenbudget.core.errors import UnsupportedClientError


@pytest.fixture(autouse=True)
def nothing_noted_yet(monkeypatch):
    monkeypatch.setattr(wrapping, "_noted", set())


NOWHERE = "http://127.0.0.1:9"
CLIENTS = [
    lambda: openai.OpenAI,
    lambda: openai.AsyncOpenAI,
    lambda: openai.AzureOpenAI,
    lambda: anthropic.Anthropic,
    lambda: anthropic.AsyncAnthropic,
    lambda: type(sdks.groq(NOWHERE)),
    lambda: type(sdks.gemini(NOWHERE)),
    lambda: type(sdks.mistral(NOWHERE)),
    lambda: type(sdks.cohere(NOWHERE)),
    lambda: type(sdks.acohere(NOWHERE)),
    lambda: type(sdks.bedrock(NOWHERE)),
]
NAMES = ["openai", "openai-async", "azure", "anthropic", "anthropic-async", "groq", "google", "mistral", "cohere"]
NAMES += ["cohere-async", "bedrock"]
MOCKS = {
    "MagicMock": lambda cls: mock.MagicMock(spec=cls),
    "Mock": lambda cls: mock.Mock(spec=cls),
    "AsyncMock": lambda cls: mock.AsyncMock(spec=cls),
    "sealed": lambda cls: mock.seal(double := mock.MagicMock(spec_set=cls)) or double,
    "autospec": lambda cls: mock.create_autospec(cls, instance=True),
    "class made by autospec": mock.create_autospec,
    "no spec": lambda cls: mock.MagicMock(),
    "not callable": lambda cls: mock.NonCallableMagicMock(spec=cls),
}


@pytest.mark.parametrize("client", CLIENTS, ids=NAMES)
@pytest.mark.parametrize("make", MOCKS.values(), ids=MOCKS)
def test_mocks_come_back_untouched(client, make, caplog):
    double = make(client())
    before = set(vars(double))
    assert tb.wrap(double) is double
    assert tb.wrap(double, provider="groq") is double
    assert set(vars(double)) == before
    assert [record.levelno for record in caplog.records if record.name == "tokenbudget"] == [logging.WARNING]


def test_a_mock_answers_as_it_did(events):
    double = mock.MagicMock(spec=openai.OpenAI(api_key="unused"))
    double.chat.completions.create.return_value.choices[0].message.content = "mocked"
    answer = tb.wrap(double).chat.completions.create(model="gpt-4o-mini", messages=[])
    assert answer.choices[0].message.content == "mocked"
    double.chat.completions.create.assert_called_once_with(model="gpt-4o-mini", messages=[])
    assert events == []


def test_a_mock_in_place_of_the_class(monkeypatch):
    with mock.patch("openai.OpenAI") as cls:
        client = tb.wrap(openai.OpenAI())
    assert client is cls.return_value


class FakeOpenAI:
    """As people write them."""

    def __init__(self):
        self.chat = SimpleNamespace(completions=self)

    def create(self, **arguments):
        return bodies.CHAT | arguments


class FakeCohere:
    def chat(self, **arguments):
        return arguments


class Stand:
    """Says by its module alone that it is a double."""

    def converse(self, **arguments):
        return arguments


def named(path, made=print):
    """Return a namespace in which something can be called by this path."""
    for name in reversed(path.split(".")):
        made = SimpleNamespace(**{name: made})
    return made


def described(thing):
    """Name a test by what it is about, not by where that lies in memory: the workers must agree on the names."""
    return str(thing) if isinstance(thing, SimpleNamespace) else type(thing).__name__


FAKES = [
    FakeOpenAI(),
    FakeCohere(),
    Stand(),
    *map(
        named,
        (
            "chat.completions.create",
            "chat.completions.parse",
            "responses.create",
            "embeddings.create",
            "messages.create",
            "messages.stream",
            "chat.complete",
            "chat.stream_async",
            "chat",
            "rerank",
            "models.generate_content",
            "aio.models.generate_content_stream",
            "converse_stream",
            "invoke_model",
            "completion",
        ),
    ),
]


@pytest.mark.parametrize("double", FAKES, ids=described)
def test_hand_written_doubles_come_back(double):
    assert tb.wrap(double) is double


@pytest.mark.parametrize("client", CLIENTS[:-1], ids=NAMES[:-1])
def test_a_subclass_that_never_became_a_client_comes_back(client, caplog):
    double = type("Mine", (client(),), {"__init__": lambda self: None, "__del__": lambda self: None})()
    assert tb.wrap(double) is double
    assert vars(double) == {}
    assert "Mine is no client" in caplog.text


def test_the_note_names_the_first_double_and_is_one_line(caplog):
    tb.wrap(mock.MagicMock(spec=openai.OpenAI))
    tb.wrap(FakeOpenAI())
    (record,) = caplog.records
    assert record.getMessage() == (
        "tb.wrap: unittest.mock.MagicMock is no client but, it seems, a test double: "
        "its calls are not measured (said once)"
    )


def in_a_package(path):
    """Return an object of a class that some package defines, which can be called by this path."""
    (first, _, rest), cls = path.partition("."), type("Gateway", (), {"__module__": "company.llm"})
    made = cls()
    setattr(made, first, named(rest) if rest else print)
    return made


@pytest.mark.parametrize("path", ["chat.completions.create", "messages.create", "chat", "converse"])
def test_a_gateway_of_a_package_is_no_double(path):
    with pytest.raises(UnsupportedClientError, match=r"company\.llm\.Gateway"):
        tb.wrap(in_a_package(path))


@pytest.mark.parametrize("thing", [SimpleNamespace(), named("chat.messages"), type("Fake", (), {})()], ids=described)
def test_what_cannot_be_called_is_no_double(thing):
    with pytest.raises(UnsupportedClientError):
        tb.wrap(thing)


def test_patching_a_method_of_a_wrapped_client(connect, events):
    client, wire = connect(openai.OpenAI, chat_server)
    with mock.patch.object(client.chat.completions, "create", return_value="patched"):
        assert client.chat.completions.create(model="m", messages=[]) == "patched"
    assert (events, wire.requests) == ([], [])
    client.chat.completions.create(model="m", messages=[])
    assert len(events) == 1
