import asyncio
import gc
import json

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.conftest import chat_server, helpers
from tests.integration.capture.wire import Reply, http_of

HI = [{"role": "user", "content": "How are you?"}]
ASK = {"model": "gpt-4o-mini", "messages": HI, "stream": True}


def test_usage_is_asked_for_and_hidden_from_a_caller_who_did_not(chat, events):
    client, wire = chat
    options = {"include_obfuscation": False}
    chunks = list(client.chat.completions.create(**ASK, stream_options=options))
    assert wire.sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert options == {"include_obfuscation": False}
    assert len(chunks) == 4
    assert all(chunk.choices for chunk in chunks)
    assert (events[0].usage.input_tokens, events[0].usage.output_tokens) == (1000, 200)
    assert (events[0].status, events[0].measured) == ("ok", "exact")


def test_a_caller_who_asked_sees_the_usage(chat, events):
    client, _ = chat
    chunks = list(client.chat.completions.create(**ASK, stream_options={"include_usage": True}))
    assert (len(chunks), chunks[-1].usage.prompt_tokens, chunks[-1].choices) == (5, 1000, [])
    assert len(events) == 1


def test_helpers_work_unchanged(chat, events):
    client, _ = chat
    with helpers(client).stream(model="gpt-4o-mini", messages=HI) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello there."
    assert [(e.operation, e.usage.input_tokens, e.status) for e in events] == [("chat", 1000, "ok")]


@pytest.mark.skipif(openai.__version__ < "2", reason="this openai's own helper does not know today's events")
def test_the_helper_of_responses_works_unchanged(connect, events):
    client, _ = connect(openai.OpenAI, bodies.RESPONSE_STREAM)
    with client.responses.stream(model="gpt-4.1", input="x") as stream:
        assert stream.get_final_response().id == "resp_1"
    assert [(e.operation, e.usage.input_tokens, e.status) for e in events] == [("responses", 300, "ok")]


def test_async_streams(connect, events):
    async def read():
        client, _ = connect(openai.AsyncOpenAI, chat_server)
        stream = await client.chat.completions.create(**ASK)
        assert isinstance(stream, openai.AsyncStream)
        return [chunk async for chunk in stream]

    assert len(asyncio.run(read())) == 4
    assert events[0].usage.output_tokens == 200


def test_a_stream_without_usage_is_unknown_not_zero(connect, events):
    client, _ = connect(openai.OpenAI, bodies.CHAT_STREAM)
    list(client.chat.completions.create(**ASK))
    assert (events[0].status, events[0].usage.input_tokens, events[0].cost_usd) == ("ok", None, None)
    assert events[0].unpriced == "no_usage"


def _break(client):
    for chunk in client.chat.completions.create(**ASK):
        if chunk.choices[0].delta.content == "Hello ":
            break


def _close(client):
    stream = client.chat.completions.create(**ASK)
    next(stream), next(stream)
    stream.close()
    stream.close()


def _with(client):
    with client.chat.completions.create(**ASK) as stream:
        next(stream), next(stream)


def _divide_while_reading(client):
    with client.chat.completions.create(**ASK) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                raise ZeroDivisionError


def _raise(client):
    with pytest.raises(ZeroDivisionError):
        _divide_while_reading(client)


def _drop(client):
    stream = client.chat.completions.create(**ASK)
    next(stream), next(stream)
    del stream


def _helper(client):
    with helpers(client).stream(model="gpt-4o-mini", messages=HI) as stream:
        for event in stream:
            if event.type == "content.delta" and event.delta:
                break


def _raw_close(client):
    stream = client.chat.completions.create(**ASK)
    next(stream), next(stream)
    stream.response.close()


@pytest.mark.parametrize("leave", [_break, _close, _with, _raise, _drop, _helper, _raw_close])
def test_a_stream_left_early_is_recorded_at_once_and_estimated(chat, events, leave):
    client, _ = chat
    gc.disable()
    try:
        leave(client)
    finally:
        gc.enable()
    (event,) = events
    assert (event.status, event.measured, event.error_type) == ("aborted", "estimated", None)
    # "How are you?" is 12 bytes, "Hello " 6: four bytes a token, rounded up.
    assert (event.usage.input_tokens, event.usage.output_tokens) == (3, 2)
    assert (event.model, event.response_id) == ("gpt-4o-mini-2024-07-18", "chatcmpl-1")
    assert event.cost_usd > 0
    assert event.time_to_first_token_ms <= event.latency_ms


def test_a_stream_never_read_is_recorded_when_it_is_dropped(chat, events):
    client, _ = chat
    client.chat.completions.create(**ASK)
    assert [e.status for e in events] == ["aborted"]


def test_a_broken_loop_may_be_taken_up_again(chat, events):
    client, _ = chat
    stream = client.chat.completions.create(**ASK)
    for first in stream:
        assert first.choices
        break
    assert events == []
    assert len(list(stream)) == 3
    assert [(e.status, e.measured) for e in events] == [("ok", "exact")]


def test_flush_settles_a_broken_loop_and_nothing_else(chat, events):
    client, _ = chat
    broken = client.chat.completions.create(**ASK)
    for _ in broken:
        break
    reading = client.chat.completions.create(**ASK)
    for _ in reading:
        tb.flush(1)
        assert len(events) == 1  # the broken one; the one being read goes on
    assert [e.status for e in events] == ["aborted", "ok"]
    assert list(broken)  # and still gives what it has


def test_a_loop_left_after_the_last_word_is_complete(connect, events):
    client, _ = connect(openai.OpenAI, bodies.RESPONSE_STREAM)
    for event in client.responses.create(model="gpt-4.1", input="x", stream=True):
        if event.type == "response.completed":
            break
    assert (events[0].status, events[0].measured, events[0].usage.output_tokens) == ("ok", "exact", 40)


def test_a_connection_that_breaks(connect, events):
    gone = http_of(openai).ReadError("gone")
    client, _ = connect(openai.OpenAI, [*bodies.CHAT_STREAM[:2], gone])
    with pytest.raises((openai.APIConnectionError, type(gone))) as raised:  # the latter by old versions
        list(client.chat.completions.create(**ASK))
    (event,) = events
    assert (event.status, event.measured, event.error_type) == ("aborted", "estimated", raised.typename)
    assert event.usage.output_tokens == 2


def test_an_error_before_the_first_item_is_an_error(connect, events):
    client, _ = connect(openai.OpenAI, bodies.sse({"error": {"message": "no"}}))
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**ASK))
    assert (events[0].status, events[0].cost_usd) == ("error", None)


def test_a_cancelled_task(connect, events):
    async def read():
        client, _ = connect(openai.AsyncOpenAI, chat_server)
        stream = await client.chat.completions.create(**ASK)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(read())
        await asyncio.sleep(0.2)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    (event,) = events
    assert (event.status, event.measured) == ("aborted", "estimated")


def test_a_cancelled_call(connect, events):
    async def never(request):
        await asyncio.sleep(60)

    async def main():
        http = http_of(openai)
        hung = http.AsyncClient(transport=http.MockTransport(never))
        client = tb.wrap(openai.AsyncOpenAI(api_key="unused", http_client=hung))
        task = asyncio.create_task(client.chat.completions.create(model="m", messages=HI))
        await asyncio.sleep(0.1)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert [(e.status, e.error_type, e.usage.absent) for e in events] == [("aborted", "CancelledError", True)]


def test_async_break_and_close(connect, events):
    async def main():
        client, _ = connect(openai.AsyncOpenAI, chat_server)
        async with await client.chat.completions.create(**ASK) as stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    break
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [(e.status, e.usage.input_tokens, e.usage.output_tokens) for e in events] == [("aborted", 3, 2)]


def test_anthropic_knows_its_input_from_the_start(connect, events):
    client, _ = connect(anthropic.Anthropic, bodies.MESSAGE_STREAM)
    ask = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": HI}
    with client.messages.stream(**ask) as stream:
        for text in stream.text_stream:
            assert text == "Hello "
            break
    (event,) = events
    assert (event.status, event.measured) == ("aborted", "estimated")
    assert (event.usage.input_tokens, event.usage.cache_write_1h_tokens, event.usage.output_tokens) == (2310, 200, 2)


def test_input_that_is_not_all_text_is_not_estimated(connect, events):
    client, _ = connect(openai.OpenAI, chat_server)
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:..."}}]}]
    with client.chat.completions.create(model="gpt-4o-mini", messages=image, stream=True) as stream:
        next(stream)
    assert (events[0].usage.input_tokens, events[0].cost_usd) == (None, None)


def test_a_server_that_refuses_stream_options_gets_what_the_caller_sent(connect, events):
    def server(request):
        if "stream_options" in json.loads(request.content):
            return Reply(400, json={"error": {"message": "Unrecognized argument: stream_options"}})
        return bodies.CHAT_STREAM

    client, wire = connect(openai.OpenAI, server, base_url="https://old.example.com/v1")
    assert len(list(client.chat.completions.create(**ASK))) == 4
    assert len(list(client.chat.completions.create(**ASK))) == 4
    assert ["stream_options" in json.loads(r.content) for r in wire.requests] == [True, False, False]
    assert [e.status for e in events] == ["ok", "ok"]


def test_prompts_are_let_go_of(chat, events):
    import weakref

    class Prompt(list):
        pass

    client, _ = chat
    prompt = Prompt(HI)
    gone = weakref.ref(prompt)
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=prompt, stream=True)
    list(stream)
    del prompt
    assert gone() is None or not _held_by_us(gone())


def _held_by_us(thing):
    return any(type(holder).__module__.startswith("tokenbudget") for holder in gc.get_referrers(thing))
