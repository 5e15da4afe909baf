"""Answers of servers that only nearly speak their provider's protocol: the call was made, so it is recorded."""

import json
from decimal import Decimal

import anthropic
import openai
import pytest

from tests.integration.capture import bodies
from tokenbudget.core.event import decode, encode
from tokenbudget.diagnostics import internal_errors

HI = [{"role": "user", "content": "hi"}]
USAGE = bodies.CHAT["usage"]


@pytest.fixture
def lenient(monkeypatch):
    """As in the user's process: a fault is counted, not raised."""
    monkeypatch.delenv("TOKENBUDGET_RAISE")
    internal_errors.reset()
    yield
    internal_errors.reset()


def sse(*items):
    return [f"data: {json.dumps(item)}\n\n".encode() for item in items]


def chunk(*, without=(), **named):
    whole = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}],
    } | named
    return {name: value for name, value in whole.items() if name not in without}


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": "many", "completion_tokens": 3},
        {"prompt_tokens": {"text": 1}, "completion_tokens": 3},
        USAGE | {"cost": True},
    ],
)
@pytest.mark.usefixtures("lenient")
def test_usage_that_cannot_be_read_is_unknown_and_the_call_is_recorded(connect, events, usage):
    client, _ = connect(openai.OpenAI, bodies.CHAT | {"usage": usage})
    client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    (event,) = events
    assert (event.usage.input_tokens, event.cost_usd, event.unpriced) == (None, None, "no_usage")
    assert (event.model, event.response_id) == ("gpt-4o-mini-2024-07-18", "chatcmpl-1")
    assert event.warnings[0].startswith("usage cannot be read")
    assert internal_errors.counts == {"capture.read": 1}


@pytest.mark.parametrize(
    ("named", "field", "text"),
    [
        ({"id": 77}, "response_id", "77"),
        ({"id": {"a": 1}}, "response_id", "{'a': 1}"),
        ({"service_tier": 5}, "service_tier", "5"),
    ],
)
def test_names_that_are_no_text_are_stored_as_text(connect, events, named, field, text):
    client, _ = connect(openai.OpenAI, bodies.CHAT | named)
    client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    (event,) = events
    assert getattr(event, field) == text
    assert decode(encode(event)) == event
    assert event.cost_usd == Decimal("0.00024")


@pytest.mark.parametrize("last", [chunk(usage=USAGE, without=["choices"]), chunk(usage=USAGE, choices=None)])
def test_the_chunk_we_asked_for_may_have_no_choices(connect, events, last):
    client, _ = connect(openai.OpenAI, sse(chunk(), last))
    assert len(list(client.chat.completions.create(model="gpt-4o-mini", messages=HI, stream=True))) == 1
    assert events[0].usage.output_tokens == 200


@pytest.mark.usefixtures("lenient")
def test_a_chunk_of_another_shape_reaches_the_caller(connect, events):
    client, _ = connect(openai.OpenAI, sse(chunk(), chunk(choices=5, usage=USAGE), chunk(choices=[], usage=USAGE)))
    assert len(list(client.chat.completions.create(model="gpt-4o-mini", messages=HI, stream=True))) == 2
    assert events[0].usage.output_tokens == 200


def test_a_background_stream_that_is_left_is_recorded_when_it_is_fetched(connect, events):
    begun = bodies.RESPONSE | {"id": "resp_left", "background": True, "status": "queued", "usage": None, "output": []}
    said = {"type": "response.output_text.delta", "delta": "Hello", "item_id": "m", "output_index": 0}
    stream = sse({"type": "response.created", "sequence_number": 0, "response": begun}, said)
    client, _ = connect(openai.OpenAI, stream, bodies.RESPONSE | {"id": "resp_left", "background": True})
    with client.responses.create(model="gpt-4.1", input="hi", extra_body={"background": True}, stream=True) as left:
        next(iter(left))
    assert events == []
    for _ in range(2):
        client.responses.retrieve("resp_left")
    (event,) = events
    assert (event.status, event.measured, event.usage.output_tokens) == ("ok", "exact", 40)


def test_a_background_response_may_have_an_odd_time(connect, events):
    odd = {"id": "resp_odd_time", "background": True, "created_at": "2026-11-01"}
    client, _ = connect(openai.OpenAI, bodies.RESPONSE | odd)
    client.responses.create(model="gpt-4.1", input="hi", extra_body={"background": True})
    assert events[0].usage.input_tokens == 300


def test_cache_writes_may_be_stated_by_lifetime_only(connect, events):
    usage = {
        "input_tokens": 5,
        "output_tokens": 3,
        "cache_creation_input_tokens": None,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 5},
    }
    client, _ = connect(anthropic.Anthropic, bodies.MESSAGE | {"usage": usage})
    client.messages.create(model="m", max_tokens=9, messages=HI)
    found = events[0].usage
    assert (found.input_tokens, found.cache_write_tokens, found.cache_write_1h_tokens) == (20, 15, 5)
    assert events[0].warnings == ()


def test_counts_of_tools_may_be_text(connect, events):
    usage = bodies.MESSAGE["usage"] | {"server_tool_use": {"web_search_requests": "2"}}
    client, _ = connect(anthropic.Anthropic, bodies.MESSAGE | {"usage": usage})
    client.messages.create(model="m", max_tokens=9, messages=HI)
    assert decode(encode(events[0])).usage.tools == {"web_search": 2}


def test_a_call_under_the_users_own_key_costs_what_its_provider_bills_too(connect, events):
    usage = USAGE | {"cost": 0.0005, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0123}}
    client, _ = connect(openai.OpenAI, bodies.CHAT | {"usage": usage})
    client.chat.completions.create(model="m", messages=HI)
    assert events[0].cost_usd == Decimal("0.0128")


def test_the_upstream_cost_of_other_calls_is_in_their_cost(connect, events):
    usage = USAGE | {"cost": 0.0005, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.0005}}
    client, _ = connect(openai.OpenAI, bodies.CHAT | {"usage": usage})
    client.chat.completions.create(model="m", messages=HI)
    assert events[0].cost_usd == Decimal("0.0005")
