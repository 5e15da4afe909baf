import asyncio
import json
import logging

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.wire import Reply, http_of
from tokenbudget.diagnostics import internal_errors
from tokenbudget.recording import recorder

HI = [{"role": "user", "content": "hi"}]


def busy(request):
    return Reply(429, headers={"retry-after-ms": "1"}, json={"error": {"message": "busy"}})


def test_a_refused_call_is_an_error_without_a_cost(connect, events):
    client, _ = connect(openai.OpenAI, Reply(401, json={"error": {"message": "no"}}))
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    (event,) = events
    assert (event.status, event.error_type, event.model) == ("error", "AuthenticationError", "gpt-4o-mini")
    assert (event.usage.input_tokens, event.cost_usd, event.unpriced) == (None, None, "no_usage")


def test_retries_inside_the_client_are_one_call(connect, events):
    client, wire = connect(openai.OpenAI, busy, busy, bodies.CHAT)
    client.chat.completions.create(model="m", messages=HI)
    assert len(wire.requests) == 3
    assert [(e.status, e.attempts, e.usage.input_tokens) for e in events] == [("ok", 3, 1000)]


def test_retries_that_fail_in_the_end(connect, events):
    async def main():
        client, _ = connect(openai.AsyncOpenAI, busy, max_retries=1)
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="m", messages=HI)

    asyncio.run(main())
    assert [(e.status, e.attempts, e.error_type) for e in events] == [("error", 2, "RateLimitError")]


def test_no_connection(connect, events):
    client, _ = connect(openai.OpenAI, http_of(openai).ConnectError("gone"), max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="m", messages=HI)
    assert [(e.status, e.error_type) for e in events] == [("error", "APIConnectionError")]


def test_an_error_that_states_usage_was_paid_for(connect, events):
    body = {"error": {"message": "filtered"}, "usage": bodies.CHAT["usage"]}
    client, _ = connect(openai.OpenAI, Reply(400, json=body))
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    raised.value.body = body  # as SDKs that keep the whole body do
    assert events[0].status == "error"


def test_an_answer_that_is_not_understood_is_left_alone(connect, events):
    client, _ = connect(openai.OpenAI, Reply(content=b"<html>"))
    assert client.chat.completions.create(model="m", messages=HI) == "<html>"
    assert (events[0].status, events[0].usage.absent) == ("ok", True)


def test_an_error_keeps_its_type_and_its_history(chat, connect):
    def no(request):
        return Reply(404, json={"error": {"message": "no such model"}})

    errors = []
    for wrap in (False, True):
        client, _ = connect(openai.OpenAI, no, wrap=wrap)
        with pytest.raises(openai.NotFoundError) as raised:
            client.chat.completions.create(model="m", messages=HI)
        errors.append(raised.value)
    bare, wrapped = errors
    assert (type(bare), str(bare), bare.body) == (type(wrapped), str(wrapped), wrapped.body)
    assert wrapped.__cause__ is bare.__cause__ is None
    assert str(wrapped.__context__) == str(bare.__context__)


@pytest.mark.parametrize(
    "broken",
    ["tokenbudget.recording.event_template.EventTemplates.find", "tokenbudget.recording.recorder.config.current"],
)
def test_a_fault_of_ours_is_swallowed_counted_and_logged_once(chat, monkeypatch, caplog, broken):
    client, _ = chat
    monkeypatch.delenv("TOKENBUDGET_RAISE")
    internal_errors.reset()

    def fail(*args):
        raise RuntimeError("ours")

    monkeypatch.setattr(broken, fail)
    with caplog.at_level(logging.WARNING, logger="tokenbudget"):
        for _ in range(3):
            assert client.chat.completions.create(model="m", messages=HI).id == "chatcmpl-1"
            assert len(list(client.chat.completions.create(model="m", messages=HI, stream=True))) == 4
    assert sum(internal_errors.counts.values()) == 6
    assert len(caplog.records) == len({record.message for record in caplog.records})
    assert "your call is not affected" in caplog.records[0].message


def test_nothing_is_recorded_while_switched_off(chat, events):
    client, wire = chat
    tb.configure(enabled=False)
    client.chat.completions.create(model="m", messages=HI)
    list(client.chat.completions.create(model="m", messages=HI, stream=True))
    assert events == []
    assert "stream_options" not in json.loads(wire.requests[-1].content)
    tb.configure(enabled=True)
    client.chat.completions.create(model="m", messages=HI)
    assert len(events) == 1


def test_record_never_raises(monkeypatch):
    monkeypatch.delenv("TOKENBUDGET_RAISE")
    recorder.record(None)
