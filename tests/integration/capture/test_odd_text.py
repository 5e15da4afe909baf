"""Names that cannot be stored, as gateways send them: the call is recorded, with what is left of the name."""

import contextlib
import json
import os
import subprocess
import sys

import anthropic
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.wire import Reply
from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.journal import read

HI = [{"role": "user", "content": "hi"}]
ASK = {"model": "gpt-4o-mini", "messages": HI}
HALF, ZERO = "\ud83d", "\0"


@pytest.fixture(autouse=True)
def nothing_remembered():
    seen_ids.forget()


@pytest.fixture
def home(tmp_path):
    tb.configure(home=tmp_path, url="")
    yield tmp_path
    tb.shutdown()
    config.reset()


def reply(body, **named):
    return Reply(content=json.dumps(body | named).encode(), headers={"content-type": "application/json"})


def stream(*items):
    return [f"data: {json.dumps(item)}\n\n".encode() for item in items] + [b"data: [DONE]\n\n"]


@pytest.mark.parametrize("bad", [HALF, ZERO], ids=["half a pair", "U+0000"])
@pytest.mark.parametrize(
    ("theirs", "ours"), [("id", "response_id"), ("model", "model"), ("service_tier", "service_tier")]
)
def test_a_name_of_an_answer(connect, home, theirs, ours, bad):
    client, _ = connect(openai.OpenAI, reply(bodies.CHAT, **{theirs: f"house{bad}name"}))
    assert client.chat.completions.create(**ASK).usage.prompt_tokens == 1000
    (event,) = read(home)
    assert getattr(event, ours) == "house\ufffdname"
    assert event.warnings == (f"{ours} had a character that cannot be stored",)
    assert (event.usage.input_tokens, event.usage.output_tokens) == (1000, 200)


def test_a_long_name_of_an_answer(connect, home):
    client, _ = connect(openai.OpenAI, reply(bodies.CHAT, model="m" * 300), reply(bodies.CHAT, id="r" * 2_000))
    client.chat.completions.create(**ASK)
    client.chat.completions.create(**ASK)
    first, second = read(home)
    assert first.model == "m" * 255 + "…"
    assert second.response_id == "r" * 1023 + "…"
    assert "model had 300 characters, 256 are kept" in first.warnings


def test_a_name_that_is_asked_for(connect, home):
    client, _ = connect(openai.OpenAI, reply(bodies.CHAT))
    client.chat.completions.create(model=f"mine{ZERO}", messages=HI)
    with contextlib.suppress(UnicodeError):  # Newer clients refuse it themselves.
        client.chat.completions.create(model=f"mine{HALF}", messages=HI)
    assert [event.requested_model for event in read(home)] == ["mine\ufffd"] * 2


@pytest.mark.parametrize("wrap", ["create", "with_raw_response", "with_streaming_response"])
def test_a_text_of_the_model_in_all_ways_to_read_it(connect, home, wrap):
    """Half of a pair in the answer's text is none of our business, and is no reason to lose its usage."""
    said = {"role": "assistant", "content": f"ok {HALF}"}
    body = bodies.CHAT | {"choices": [{"index": 0, "finish_reason": "stop", "message": said}], "id": f"c{HALF}"}
    client, _ = connect(openai.OpenAI, reply(body))
    completions = client.chat.completions
    if wrap == "create":
        completions.create(**ASK)
    elif wrap == "with_raw_response":
        completions.with_raw_response.create(**ASK).parse()
    else:
        with completions.with_streaming_response.create(**ASK) as response:
            response.read()
    (event,) = read(home)
    assert (event.response_id, event.usage.input_tokens, event.usage.output_tokens) == ("c\ufffd", 1000, 200)


@pytest.mark.parametrize("raw", [False, True])
def test_a_name_of_a_stream(connect, home, raw):
    chunk = {"id": f"c{HALF}", "object": "chat.completion.chunk", "created": 1, "model": f"house{HALF}"}
    said = {"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}
    parts = stream(chunk | {"choices": [said]}, chunk | {"choices": [], "usage": bodies.CHAT["usage"]})
    client, _ = connect(openai.OpenAI, parts)
    asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    if raw:
        with client.chat.completions.with_streaming_response.create(**asked) as response:
            assert b"".join(response.iter_bytes()) == b"".join(parts)
    else:
        assert len(list(client.chat.completions.create(**asked))) == 2
    (event,) = read(home)
    assert (event.model, event.usage.output_tokens) == ("house\ufffd", 200)


def test_bytes_that_are_no_utf8_reach_the_caller_and_cost_no_event(connect, home):
    good = stream({"id": "c1", "model": "gpt-4o-mini", "choices": [], "usage": bodies.CHAT["usage"]})
    odd = [b'data: {"id": "c1", "model": "house\xff", "choices": []}\n\n', b"data: " + b"[" * 100_000 + b"\n\n"]
    parts = [*odd, *good]
    client, _ = connect(openai.OpenAI, parts)
    asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.with_streaming_response.create(**asked) as response:
        assert b"".join(response.iter_bytes()) == b"".join(parts)
    (event,) = read(home)
    assert event.usage.output_tokens == 200


def test_an_id_that_an_events_id_follows_from(connect, home):
    answer = bodies.RESPONSE | {"id": f"resp_{HALF}", "background": True}
    client, _ = connect(openai.OpenAI, reply(answer))
    for _ in range(2):
        client.responses.create(model="gpt-4.1", input="hi", extra_body={"background": True})
    (event,) = read(home)
    assert (event.response_id, event.usage.input_tokens) == ("resp_\ufffd", 300)


def test_a_line_of_a_batch(connect, home):
    answer = bodies.CHAT | {"id": f"c{HALF}", "model": f"gpt-4o-mini{HALF}"}
    line = {"id": "l1", "custom_id": f"1{HALF}", "response": {"status_code": 200, "body": answer}}
    content = json.dumps(line).encode() + b"\n" + json.dumps(line | {"id": "l2"}).replace("c\\ud83d", "c2").encode()
    client, _ = connect(openai.OpenAI, Reply(content=content, headers={"content-type": "application/octet-stream"}))
    assert client.files.content("file-1").content == content
    assert [(event.response_id, event.batch) for event in read(home)] == [("c\ufffd", True), ("c2", True)]


def test_an_error_of_a_long_name(connect, home):
    error = type("E" * 300, (BaseException,), {})  # One that the client leaves alone.

    def fail(request):
        raise error

    client, _ = connect(anthropic.Anthropic, fail)
    with pytest.raises(error):
        client.messages.create(model="m", max_tokens=9, messages=HI)
    assert [event.error_type for event in read(home)] == ["E" * 255 + "…"]


def test_a_call_of_ones_own(home):
    names = {"model": f"m{HALF}", "response_id": f"r{ZERO}", "error_type": f"e{HALF}", "region": "x" * 100}
    tb.record(provider="p", **names, usage={"tools": {f"t{HALF}": 1}}, metadata={"note": "x" * 5_000})
    (event,) = read(home)
    assert (event.model, event.response_id, event.error_type) == ("m\ufffd", "r\ufffd", "e\ufffd")
    assert event.usage.tools == {"t\ufffd": 1}
    assert len(event.warnings) == 6


def test_a_name_of_a_project_that_is_no_utf8(tmp_path):
    code = "import tokenbudget as tb; tb.record(provider='p', model='m', usage={'input_tokens': 1})"
    named = {b"TOKENBUDGET_PROJECT": b"caf\xe9", b"TOKENBUDGET_HOME": os.fsencode(tmp_path), b"TOKENBUDGET_URL": b""}
    subprocess.run([sys.executable, "-c", code], env=os.environb | named, check=True)
    assert [event.project for event in read(tmp_path)] == ["caf\ufffd"]
