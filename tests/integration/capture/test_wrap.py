import asyncio
import copy
import gc
import json
import pickle
import subprocess
import sys

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.conftest import chat_server

HI = [{"role": "user", "content": "hi"}]


def ask(client, **options):
    return client.chat.completions.create(model="gpt-4o-mini", messages=HI, **options)


def test_the_same_client_comes_back_and_looks_as_before(connect):
    bare, _ = connect(openai.OpenAI, chat_server, wrap=False)
    before = (type(bare), repr(bare), dir(type(bare)))
    assert tb.wrap(bare) is bare
    assert (type(bare), repr(bare), dir(type(bare))) == before
    assert isinstance(bare, openai.OpenAI)
    assert openai.OpenAI.request.__name__ == "request"


def test_answers_are_what_they_were(connect, events):
    bare, _ = connect(openai.OpenAI, chat_server, wrap=False)
    wrapped, _ = connect(openai.OpenAI, chat_server)
    assert ask(bare) == ask(wrapped)
    assert type(ask(bare, stream=True)) is type(ask(wrapped, stream=True)) is openai.Stream
    plain = list(ask(bare, stream=True))
    seen = list(ask(wrapped, stream=True))
    assert seen == plain
    events.clear()


def test_wrapping_twice_is_wrapping_once(chat, events):
    client, _ = chat
    tb.wrap(tb.wrap(client))
    ask(client)
    list(ask(client, stream=True))
    assert len(events) == 2


def test_only_wrapped_clients_are_observed(chat, connect, events):
    bare, _ = connect(openai.OpenAI, chat_server, wrap=False)
    ask(bare)
    ask(bare.with_options(timeout=1))
    assert list(ask(bare, stream=True))
    assert events == []


@pytest.mark.parametrize(
    "variant",
    [
        lambda client: client.with_options(timeout=3),
        lambda client: client.copy(max_retries=1),
        lambda client: client.with_options(timeout=3).with_options(max_retries=0),
        copy.copy,
    ],
)
def test_copies_stay_wrapped(chat, events, variant):
    client, _ = chat
    again = variant(client)
    assert again is not client
    ask(again)
    list(ask(again, stream=True))
    assert len(events) == 2


def test_subclasses_are_clients_too(connect, events):
    class Mine(openai.OpenAI):
        pass

    client, _ = connect(Mine, chat_server)
    ask(client.with_options(timeout=1))
    assert len(events) == 1


def test_the_mark_survives_pickling_with_its_provider():
    client = openai.OpenAI(api_key="unused")
    tb.wrap(client, provider="groq")
    state = {name: value for name, value in vars(client).items() if name.startswith("_tokenbudget")}
    (mark,) = pickle.loads(pickle.dumps(state)).values()
    assert mark.provider == "groq"


def test_raw_responses(chat, events):
    client, _ = chat
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HI)
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().id == "chatcmpl-1"
    client.with_raw_response.chat.completions.create(model="gpt-4o-mini", messages=HI)
    assert [(e.usage.input_tokens, e.cost_usd > 0) for e in events] == [(1000, True)] * 2


@pytest.mark.parametrize("read", ["parse", "json", "text", "read", "iter_lines", "iter_bytes"])
def test_streamed_raw_responses(chat, events, read):
    client, _ = chat
    with client.chat.completions.with_streaming_response.create(model="gpt-4o-mini", messages=HI) as response:
        got = getattr(response, read)()
        if read.startswith("iter"):
            got = b"".join(part if isinstance(part, bytes) else part.encode() for part in got)
            assert json.loads(got)["id"] == "chatcmpl-1"
    assert [(e.status, e.usage.input_tokens) for e in events] == [("ok", 1000)]


def test_a_streamed_raw_response_left_unread(chat, events):
    client, _ = chat
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4o-mini", messages=HI, stream=True
    ) as response:
        next(response.iter_lines())
    assert [(e.status, e.measured) for e in events] == [("aborted", "estimated")]


def test_raw_streams(chat, events):
    client, _ = chat
    options = {"stream": True, "stream_options": {"include_usage": True}}
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HI, **options)
    assert len(list(raw.parse())) == 5
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4o-mini", messages=HI, **options
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert [(e.status, e.usage.input_tokens, e.measured) for e in events] == [("ok", 1000, "exact")] * 2


@pytest.mark.parametrize("crlf", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_who_reads_bytes_sees_what_would_have_come(connect, events, crlf, cut):
    text = '{"usage": null}, "usage":null'  # a model may write anything

    def server(request):
        asked = (json.loads(request.content).get("stream_options") or {}).get("include_usage")
        chunks = [
            *bodies.CHAT_CHUNKS,
            bodies.but(bodies.CHAT_CHUNKS[1], choices=[{"index": 0, "delta": {"content": text}}]),
        ]
        said = [*(chunk | {"usage": None} for chunk in chunks), bodies.CHAT_USAGE_CHUNK] if asked else chunks
        whole = b"".join(bodies.sse(*said, "[DONE]"))
        whole = whole.replace(b"\n", b"\r\n") if crlf else whole
        return [whole[at : at + cut] for at in range(0, len(whole), cut)]

    ask = {"model": "gpt-4o-mini", "messages": HI, "stream": True}
    read = []
    for wrap in (False, True):
        client, wire = connect(openai.OpenAI, server, wrap=wrap)
        chunks = client.chat.completions.with_raw_response.create(**ask).parse()
        read.append([list(map(str, chunks))])
        for way in (lambda response: response.read(), lambda response: list(response.iter_lines())):
            with client.chat.completions.with_streaming_response.create(**ask) as response:
                read[-1].append(way(response))
    assert read[0] == read[1]
    assert wire.sent["stream_options"] == {"include_usage": True}
    assert [(e.status, e.measured, e.usage.input_tokens) for e in events] == [("ok", "exact", 1000)] * 3


def test_raw_streams_asynchronously(connect, events):
    async def read():
        client, _ = connect(openai.AsyncOpenAI, chat_server)
        ask = {"model": "gpt-4o-mini", "messages": HI, "stream": True}
        raw = await client.chat.completions.with_raw_response.create(**ask)
        assert len([chunk async for chunk in raw.parse()]) == 4
        async with client.chat.completions.with_streaming_response.create(**ask) as response:
            async for line in response.iter_lines():
                if line == "data: [DONE]":
                    break  # nothing is missing, so this is no aborted call

    asyncio.run(read())
    assert [(e.status, e.measured, e.usage.input_tokens) for e in events] == [("ok", "exact", 1000)] * 2


def test_a_raw_stream_dropped_unread_is_aborted(chat, events):
    client, _ = chat
    client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HI, stream=True)
    gc.collect()
    assert [e.status for e in events] == ["aborted"]


def test_anthropic_raw(claude, events):
    client, _ = claude
    ask = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": HI}
    assert client.messages.with_raw_response.create(**ask).parse().id == "msg_1"
    with client.messages.with_streaming_response.create(**ask, stream=True) as response:
        list(response.iter_lines())
    assert [(e.usage.input_tokens, e.usage.output_tokens) for e in events] == [(2310, 90)] * 2


def test_patch_observes_every_client_and_unpatch_stops(connect, events):
    client, _ = connect(openai.OpenAI, chat_server, wrap=False)
    tb.patch()
    try:
        tb.patch()
        ask(client)
        list(ask(client.with_options(timeout=1), stream=True))
        ask(tb.wrap(connect(openai.OpenAI, chat_server, wrap=False)[0]))
        assert len(events) == 3
    finally:
        tb.unpatch()
    ask(client)
    assert len(events) == 3


AUTO = """
import os
os.environ["TOKENBUDGET_AUTO"] = "1"
import tokenbudget
import sys
assert "openai" not in sys.modules and "httpx" not in sys.modules
from tokenbudget.testing import capture_events
import anthropic, json, openai
from tests.integration.capture.wire import Wire, client_of
body = json.loads(sys.argv[1])
client = openai.OpenAI(api_key="unused", http_client=client_of(openai, Wire(body)))
with capture_events() as events:
    client.chat.completions.create(model="m", messages=[])
print(len(events), openai.__spec__.name, anthropic.__name__)
"""


def test_the_environment_patches_what_is_imported_later():
    result = subprocess.run(
        [sys.executable, "-c", AUTO, json.dumps(bodies.CHAT)], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["1", "openai", "anthropic"]


def test_a_gateway_in_a_transport_makes_calls_of_its_own(connect, events):
    inner, _ = connect(openai.OpenAI, chat_server)

    def gateway(request):
        return ask(inner).model_dump()

    outer, _ = connect(openai.OpenAI, gateway)
    ask(outer)
    assert len(events) == 2


def test_anthropic_spans_of_its_own_change_nothing(claude, events):
    # anthropic 2 makes OpenTelemetry spans where a tracer is configured; ours is the one event either way.
    client, _ = claude
    client.messages.create(model="m", max_tokens=1, messages=HI)
    assert len(events) == 1
    assert isinstance(client, anthropic.Anthropic)
