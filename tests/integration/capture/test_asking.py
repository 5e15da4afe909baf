"""Usage of streams is asked for where servers need it, and what the question causes is all that callers do not see."""

import asyncio
import functools
import importlib
import json

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.conftest import chat_server, helpers
from tests.integration.capture.wire import Reply, http_of

HI = [{"role": "user", "content": "hi"}]
ASK = {"model": "gpt-4o-mini", "messages": HI, "stream": True}
GATEWAY = "https://llm.example.com/v1"
FINISH = bodies.CHAT_CHUNKS[-1]


def wants(request):
    """Return whether usage was asked for, in OpenAI's way or OpenRouter's."""
    body = json.loads(request.content)
    return bool((body.get("stream_options") or {}).get("include_usage") or (body.get("usage") or {}).get("include"))


def like_openai(request):
    """Answer as OpenAI does: who asks for usage gets an empty one in every chunk, and it in one more."""
    if not wants(request):
        return bodies.CHAT_STREAM
    chunks = [chunk | {"usage": None} for chunk in bodies.CHAT_CHUNKS]
    return bodies.sse(*chunks, bodies.CHAT_USAGE_CHUNK, "[DONE]")


def at_hand(server):
    """Answer by a body that is there at once, as mocked transports do."""
    headers = {"content-type": "text/event-stream"}
    return lambda request: Reply(headers=headers, content=b"".join(server(request)))


def chunks(client, **more):
    return [chunk.to_json() for chunk in client.chat.completions.create(**ASK, **more)]


def raw_chunks(client, **more):
    return [chunk.to_json() for chunk in client.chat.completions.with_raw_response.create(**ASK, **more).parse()]


def raw_lines(client, **more):
    with client.chat.completions.with_streaming_response.create(**ASK, **more) as response:
        return list(response.iter_lines())


def raw_body(client, **more):
    with client.chat.completions.with_streaming_response.create(**ASK, **more) as response:
        return response.read(), response.text(), response.headers.get("content-length")


def helper(client, **more):
    with helpers(client).stream(model="gpt-4o-mini", messages=HI, **more) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_completion().to_json()


READS = [chunks, raw_chunks, raw_lines, raw_body, helper]


def both(connect, read, server, base_url=GATEWAY, **more):
    """Return what a bare client and a wrapped one see, and what the wrapped one sent."""
    seen = []
    for wrap in (False, True):
        client, wire = connect(openai.OpenAI, server, wrap=wrap, base_url=base_url)
        seen.append(read(client, **more))
    return (*seen, wire.sent)


def tokens(events):
    return [(event.usage.input_tokens, event.usage.output_tokens, event.measured) for event in events]


WHOLE = [(1000, 200, "exact")]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"stream_options": {"include_usage": False}},
        {"extra_body": {"stream_options": {"continuous_usage_stats": False}}},
        {"extra_body": {"usage": {"include": False}}},
        {"extra_body": {"top_k": 4}},
    ],
)
@pytest.mark.parametrize("server", [like_openai, at_hand(like_openai)], ids=["in parts", "at hand"])
def test_who_did_not_ask_sees_what_would_have_come(connect, events, read, more, server):
    before = json.dumps(more)
    bare, wrapped, sent = both(connect, read, server, **more)
    assert wrapped == bare
    assert sent["stream_options"]["include_usage"] is True
    assert sent["stream_options"].items() >= (more.get("extra_body") or {}).get("stream_options", {}).items()
    assert json.dumps(more) == before
    assert tokens(events) == WHOLE


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "more",
    [
        {"stream_options": {"include_usage": True}},
        {"extra_body": {"stream_options": {"include_usage": True}}},
        {"extra_body": {"usage": {"include": True}}},
    ],
)
@pytest.mark.parametrize("server", [like_openai, at_hand(like_openai)], ids=["in parts", "at hand"])
def test_who_asked_in_whatever_way_sees_the_usage(connect, events, read, more, server):
    bare, wrapped, sent = both(connect, read, server, **more)
    assert wrapped == bare
    assert "1200" in str(wrapped)
    assert sent.get("stream_options") in (None, {"include_usage": True})
    assert tokens(events) == WHOLE


UNASKED = [
    ("https://openrouter.ai/api/v1", [*bodies.CHAT_CHUNKS, bodies.CHAT_USAGE_CHUNK]),
    ("https://api.deepseek.com", [*bodies.CHAT_CHUNKS[:-1], FINISH | {"usage": bodies.CHAT["usage"]}]),
    ("https://api.fireworks.ai/inference/v1", [*bodies.CHAT_CHUNKS[:-1], FINISH | {"usage": bodies.CHAT["usage"]}]),
    ("https://api.together.xyz/v1", [*bodies.CHAT_CHUNKS[:-1], FINISH | {"usage": bodies.CHAT["usage"]}]),
    ("https://api.mistral.ai/v1", [*bodies.CHAT_CHUNKS[:-1], FINISH | {"usage": bodies.CHAT["usage"]}]),
    ("https://api.perplexity.ai", [chunk | {"usage": bodies.CHAT["usage"]} for chunk in bodies.CHAT_CHUNKS]),
    (
        "https://api.groq.com/openai/v1",
        [*bodies.CHAT_CHUNKS[:-1], FINISH | {"x_groq": {"id": "req_1", "usage": bodies.CHAT["usage"]}}],
    ),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("base_url", "answer"), UNASKED)
def test_servers_that_state_usage_unasked_are_not_asked(connect, events, read, base_url, answer):
    bare, wrapped, sent = both(connect, read, bodies.sse(*answer, "[DONE]"), base_url)
    assert wrapped == bare
    assert "stream_options" not in sent
    assert tokens(events) == WHOLE


@pytest.mark.parametrize("read", READS)
def test_usage_in_a_chunk_with_a_choice_is_the_callers(connect, events, read):
    empty = bodies.but(FINISH, choices=[{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}])
    forced = bodies.sse(*bodies.CHAT_CHUNKS, empty | {"usage": bodies.CHAT["usage"]}, "[DONE]")
    bare, wrapped, _ = both(connect, read, forced)
    assert wrapped == bare
    assert tokens(events) == WHOLE


def test_the_hidden_event_goes_with_its_name_and_number(connect, events):
    def server(request):
        said = like_openai(request)
        return [b"event: chunk\nid: %d\n%s" % (number, part) for number, part in enumerate(said)]

    client, _ = connect(openai.OpenAI, server)
    lines = raw_lines(client)
    assert [line for line in lines if line.startswith("id:")] == ["id: 0", "id: 1", "id: 2", "id: 3", "id: 5"]
    assert tokens(events) == WHOLE


def test_asynchronous_streams_over_a_body_at_hand(connect, events):
    async def read(client):
        raw = await client.chat.completions.with_raw_response.create(**ASK)
        seen = [chunk.to_json() async for chunk in raw.parse()]
        async with client.chat.completions.with_streaming_response.create(**ASK) as response:
            seen.append(await response.text())
        return seen

    bare, wrapped = (
        asyncio.run(read(connect(openai.AsyncOpenAI, at_hand(like_openai), wrap=wrap)[0])) for wrap in (False, True)
    )
    assert wrapped == bare
    assert tokens(events) == WHOLE * 2


def test_a_mocked_body_without_a_type_is_an_event_stream_all_the_same(connect, events):
    def server(request):
        return Reply(content=b"".join(like_openai(request)))

    bare, wrapped, _ = both(connect, raw_chunks, server)
    assert wrapped == bare
    assert tokens(events) == WHOLE


def test_a_body_that_a_hook_has_read_is_the_one_without(events):
    library = http_of(openai)

    def server(request):
        return at_hand(like_openai)(request).to(request)

    read = []
    for wrap in (lambda client: client, tb.wrap):
        hooks = {"response": [lambda response: response.read() and response.text]}
        http = library.Client(transport=library.MockTransport(server), event_hooks=hooks)
        raw = wrap(openai.OpenAI(api_key="unused", http_client=http)).chat.completions.with_raw_response.create(**ASK)
        read.append((raw.http_response.text, raw.http_response.content))
    assert read[0] == read[1]
    assert tokens(events) == WHOLE


def test_a_null_deeper_in_a_chunk_is_the_callers(connect, events):
    chunk = bodies.but(bodies.CHAT_CHUNKS[1], choices=[{"index": 0, "delta": {"content": "Hello "}, "usage": None}])
    bare, wrapped, _ = both(connect, raw_lines, bodies.sse(chunk, FINISH, bodies.CHAT_USAGE_CHUNK, "[DONE]"))
    assert wrapped[0] == bare[0]
    assert '"usage": null' in wrapped[0]


# Test tools that answer in the network's place.


def written_in(module, function):
    """Return a function that wraps another and was written in this module, as vcr's are."""
    scope = {"__name__": module, "original": function, "functools": functools}
    exec("@functools.wraps(original)\ndef placed(*args): return original(*args)", scope)
    return scope["placed"]


def in_place_of_the_network(monkeypatch, place):
    """Have all of the HTTP library's requests answered by a function; return the library."""
    library = http_of(openai)
    sent = []

    def handle_request(transport, request):
        request.read()
        sent.append(json.loads(request.content))
        return Reply(headers={"content-type": "text/event-stream"}, content=b"".join(chat_server(request))).to(request)

    monkeypatch.setattr(library.HTTPTransport, "handle_request", place(handle_request))
    return sent


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda answer: answer, id="a function"),
        pytest.param(lambda answer: written_in("vcr.stubs.httpx_stubs", answer), id="vcr"),
        pytest.param(lambda answer: written_in("pytest_httpx", answer), id="pytest-httpx"),
    ],
)
def test_test_tools_get_the_request_that_the_caller_made(monkeypatch, events, place):
    sent = in_place_of_the_network(monkeypatch, place)
    list(tb.wrap(openai.OpenAI(api_key="unused")).chat.completions.create(**ASK))
    list(openai.OpenAI(api_key="unused").chat.completions.create(**ASK))
    assert sent == [ASK, ASK]
    assert [(event.status, event.unpriced) for event in events] == [("ok", "no_usage")]


def test_instrumentation_of_the_network_is_no_test_tool(monkeypatch, events):
    sent = in_place_of_the_network(monkeypatch, lambda answer: written_in("tracing.httpx", answer))
    list(tb.wrap(openai.OpenAI(api_key="unused")).chat.completions.create(**ASK))
    assert sent[0]["stream_options"] == {"include_usage": True}
    assert tokens(events) == WHOLE


def test_test_tools_that_stand_in_for_the_connection_pool(monkeypatch, events):
    """As respx does."""
    client = tb.wrap(openai.OpenAI(api_key="unused"))
    pool = type(client._client._transport._pool)
    core = importlib.import_module(pool.__module__.partition(".")[0])
    sent = []

    def handle_request(self, request):
        sent.append(json.loads(b"".join(request.stream)))
        raise core.ConnectError

    monkeypatch.setattr(pool, "handle_request", handle_request)
    with pytest.raises(openai.APIConnectionError):
        client.with_options(max_retries=0).chat.completions.create(**ASK)
    assert sent == [ASK]


def test_an_asynchronous_client_under_a_test_tool(monkeypatch, events):
    library = http_of(openai)
    sent = []

    async def handle_async_request(transport, request):
        await request.aread()
        sent.append(json.loads(request.content))
        return Reply(headers={"content-type": "text/event-stream"}, content=b"".join(chat_server(request))).to(request)

    monkeypatch.setattr(library.AsyncHTTPTransport, "handle_async_request", handle_async_request)

    async def read():
        async with tb.wrap(openai.AsyncOpenAI(api_key="unused")) as client:
            return [chunk async for chunk in await client.chat.completions.create(**ASK)]

    assert len(asyncio.run(read())) == 4
    assert sent == [ASK]


def test_a_router_of_respx_in_a_mocked_transport(monkeypatch, events):
    library = http_of(openai)
    sent = []

    def answer(request):
        sent.append(json.loads(request.content))
        return Reply(headers={"content-type": "text/event-stream"}, content=b"".join(chat_server(request))).to(request)

    routed = library.Client(transport=library.MockTransport(written_in("respx.router", answer)))
    list(tb.wrap(openai.OpenAI(api_key="unused", http_client=routed)).chat.completions.create(**ASK))
    assert sent == [ASK]
