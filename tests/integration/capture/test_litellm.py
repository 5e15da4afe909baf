"""LiteLLM, observed from outside; the clients it uses inside are observed as well."""

import asyncio
import os

import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.local_server import running

# What pydantic thinks of LiteLLM's types is theirs.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic")
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def litellm():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    return tb.wrap(litellm)


@pytest.fixture
def server():
    with running() as local:
        yield local


def arguments(server, **more):
    return {"model": "openai/gpt-4o-mini", "messages": HI, "api_key": "unused", "api_base": server.url} | more


def is_whole(event):
    assert (event.provider, event.requested_model, event.status) == ("openai", "gpt-4o-mini", "ok")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.cache_read_tokens) == (1000, 200, 400)


def test_a_completion_is_recorded_once_though_openai_is_observed_as_well(litellm, server, events):
    tb.patch()
    server.answer(bodies.CHAT)
    litellm.completion(**arguments(server))
    asyncio.run(litellm.acompletion(**arguments(server)))
    tb.unpatch()
    assert len(events) == 2
    for event in events:
        is_whole(event)


def test_a_stream_says_its_usage_to_us_and_not_to_the_caller(litellm, server, events):
    server.answer(bodies.CHAT_STREAM_WITH_USAGE)
    stream = litellm.completion(**arguments(server, stream=True))
    assert isinstance(stream, litellm.CustomStreamWrapper)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello there."
    assert server.requests[0][1]["stream_options"] == {"include_usage": True}

    async def read():
        return [chunk async for chunk in await litellm.acompletion(**arguments(server, stream=True))]

    assert not any(getattr(chunk, "usage", None) for chunk in asyncio.run(read()))
    assert len(events) == 2
    for event in events:
        is_whole(event)


def test_a_stream_left_early_is_recorded_as_aborted(litellm, server, events):
    server.answer(bodies.CHAT_STREAM_WITH_USAGE)
    stream = litellm.completion(**arguments(server, stream=True))
    next(chunk for chunk in stream if chunk.choices[0].delta.content)
    stream.__dict__["_tokenbudget_items"].settle(every=True)
    assert (events[0].status, events[0].measured) == ("aborted", "estimated")


def test_anthropic_cache_writes_keep_their_lifetimes(litellm, server, events):
    server.answer(bodies.MESSAGE)
    litellm.completion(**arguments(server, model="anthropic/claude-sonnet-4-5-20250929"))
    (event,) = events
    assert (event.provider, event.usage.input_tokens, event.usage.cache_write_1h_tokens) == ("anthropic", 2310, 200)


def test_mocked_answers_cost_nothing(litellm, server, events):
    litellm.completion(**arguments(server, mock_response="Hello."))
    assert events == []


def test_an_error_is_recorded_and_not_charged(litellm, server, events):
    server.answer({"error": {"message": "no"}}, status=400)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**arguments(server))
    (event,) = events
    assert (event.status, event.error_type, event.cost_usd) == ("error", "BadRequestError", None)


def test_responses_and_their_streams(litellm, server, events):
    ask = {"model": "openai/gpt-4.1", "input": "x", "api_key": "unused", "api_base": server.url}

    async def asking():
        server.answer(bodies.RESPONSE)
        await litellm.aresponses(**ask)
        server.answer(bodies.RESPONSE_STREAM)
        return [item.type async for item in await litellm.aresponses(**ask, stream=True)]

    server.answer(bodies.RESPONSE)
    assert litellm.responses(**ask).usage.input_tokens == 300
    server.answer(bodies.RESPONSE_STREAM)
    assert [item.type for item in litellm.responses(**ask, stream=True)] == asyncio.run(asking())
    tools = {"web_search": 1, "code_interpreter": 1}
    costs = {event.cost_usd for event in events}
    assert [(e.status, e.usage.input_tokens, e.usage.output_tokens, e.usage.tools) for e in events] == [
        ("ok", 300, 40, tools)
    ] * 4
    assert len(costs) == 1  # what LiteLLM thinks that a stream costs is no bill


def image(**usage):
    return {"created": 1, "data": [{"b64_json": "x"}]} | ({"usage": usage} if usage else {})


OTHERS = [
    ("image_generation", image(input_tokens=9, output_tokens=100, total_tokens=109), {"prompt": "x"}, 9, {}),
    ("image_generation", image(), {"prompt": "x", "model": "openai/dall-e-3"}, None, {"images": 1}),
    (
        "transcription",
        {"text": "t", "usage": {"type": "duration", "seconds": 4}},
        {"file": ("a", b"x")},
        None,
        {"seconds": 4},
    ),
    ("speech", {"sound": 1}, {"input": "four", "voice": "alloy", "model": "openai/tts-1"}, None, {"characters": 4}),
    ("embedding", bodies.EMBEDDINGS, {"input": ["x"]}, 20, {}),
    (
        "rerank",
        {"id": "r", "results": [], "meta": {"billed_units": {"search_units": 2}}},
        {"query": "x", "documents": ["a"], "model": "cohere/rerank-v3.5"},
        None,
        {"search_units": 2},
    ),
]


@pytest.mark.parametrize(("name", "answer", "asked", "tokens", "units"), OTHERS)
def test_other_functions(litellm, server, events, name, answer, asked, tokens, units):
    server.answer(answer)
    ask = {"model": "openai/some-model", "api_key": "unused", "api_base": server.url} | asked
    getattr(litellm, name)(**ask)
    asyncio.run(getattr(litellm, f"a{name}")(**ask))
    assert [(e.status, e.usage.input_tokens, e.usage.units) for e in events] == [("ok", tokens, units)] * 2


def test_the_model_is_found_wherever_it_stands(litellm, server, events):
    server.answer(bodies.CHAT | {"object": "text_completion", "choices": []})
    litellm.text_completion("x", "openai/gpt-4o-mini", api_key="unused", api_base=server.url)
    assert events[0].requested_model == "gpt-4o-mini"
