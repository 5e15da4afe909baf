from types import SimpleNamespace

import pytest

from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.usage.fields import fields


def accumulate(step, *items):
    answer = {}
    return answer, [step(answer, item) for item in items]


def chunk(delta=None, finish=None, **fields):
    choices = [] if delta is None else [{"delta": delta, "finish_reason": finish}]
    return {"id": "c1", "model": "m", "choices": choices} | fields


@pytest.mark.parametrize(
    ("delta", "written"),
    [
        ({"content": "abcd"}, 4),
        ({"content": None, "reasoning_content": "abc"}, 3),
        ({"reasoning": "ab"}, 2),
        ({"refusal": "no"}, 2),
        ({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, 3),
        ({"tool_calls": [{"function": {"arguments": None}}]}, 0),
        ({"content": [{"type": "text"}]}, 0),
        ({}, 0),
    ],
)
def test_what_the_model_wrote_in_a_chat_chunk(delta, written):
    assert accumulate(accumulators.chat, chunk(delta))[1] == [written]


def test_the_last_usage_of_a_chat_stream_counts():
    answer, _ = accumulate(
        accumulators.chat,
        chunk({"content": "a"}, usage={"prompt_tokens": 1}),
        chunk({}, "stop", usage={"prompt_tokens": 2}),
    )
    assert (answer["usage"], answer["complete"]) == ({"prompt_tokens": 2}, True)


def test_usage_before_the_end_is_not_the_whole():
    answer, _ = accumulate(accumulators.chat, chunk({"content": "a"}, usage={"prompt_tokens": 1}))
    assert not answer["complete"]


def test_groq_says_it_in_its_own_place_too():
    answer, _ = accumulate(accumulators.chat, chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 3}}))
    assert answer["usage"] == {"prompt_tokens": 3}


def test_azure_first_chunk_has_no_choices_and_no_model():
    answer, _ = accumulate(
        accumulators.chat, {"id": "", "model": "", "choices": [], "usage": None}, chunk({"content": "a"})
    )
    assert (answer["id"], answer["model"]) == ("c1", "m")


def test_deltas_of_a_message_replace_what_was_counted():
    start = {"input_tokens": 5, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 7}}
    answer, _ = accumulate(
        accumulators.messages,
        {"type": "message_start", "message": {"id": "m1", "model": "m", "usage": start}},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 10}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 20, "input_tokens": None},
        },
    )
    assert answer["usage"] == start | {"output_tokens": 20}
    assert answer["complete"]
    assert start["output_tokens"] == 1


def test_tools_of_a_response_cut_short_are_counted():
    answer, _ = accumulate(
        accumulators.responses,
        {"type": "response.created", "response": {"id": "r1", "model": "m", "usage": None}},
        {"type": "response.output_item.done", "item": {"type": "code_interpreter_call"}},
        {"type": "response.output_text.delta", "delta": "abc"},
    )
    assert (answer["output"], answer["id"]) == ([{"type": "code_interpreter_call"}], "r1")
    assert "complete" not in answer


def objects(value):
    """Make objects of dicts, as clients do."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: objects(inner) for name, inner in value.items()})
    return [objects(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text_size", "step", "item", "expected"),
    [
        (accumulators.chat_text_size, accumulators.chat, chunk({"content": "naïve"}, usage=None), 6),
        (accumulators.chat_text_size, accumulators.chat, chunk({"content": "a"}, usage={"prompt_tokens": 1}), 0),
        (accumulators.chat_text_size, accumulators.chat, chunk({"content": "a"}, "stop", usage=None), 0),
        (accumulators.chat_text_size, accumulators.chat, chunk({"content": None, "reasoning": "ab"}, usage=None), 0),
        (accumulators.chat_text_size, accumulators.chat, chunk(usage={"prompt_tokens": 1}), 0),
        (
            accumulators.responses_text_size,
            accumulators.responses,
            {"type": "response.output_text.delta", "delta": "ab"},
            2,
        ),
        (
            accumulators.responses_text_size,
            accumulators.responses,
            {"type": "response.completed", "response": {"id": "r"}},
            0,
        ),
        (
            accumulators.messages_text_size,
            accumulators.messages,
            {"type": "content_block_delta", "delta": {"text": "abc"}},
            3,
        ),
        (
            accumulators.messages_text_size,
            accumulators.messages,
            {"type": "content_block_delta", "delta": {"thinking": "a"}},
            0,
        ),
        (
            accumulators.messages_text_size,
            accumulators.messages,
            {"type": "message_delta", "delta": {"text": "a"}, "usage": {}},
            0,
        ),
    ],
)
def test_the_text_size_of_a_plain_item_equals_the_accumulators(text_size, step, item, expected):
    seen = objects(item)
    assert text_size(seen) == expected
    if expected:
        answer = {"model": "m"}
        assert step(answer, fields(seen)) == expected
        assert answer == {"model": "m"}


@pytest.mark.parametrize(
    "text_size", [accumulators.chat_text_size, accumulators.responses_text_size, accumulators.messages_text_size]
)
@pytest.mark.parametrize("item", [None, 3, {}, {"choices": []}, SimpleNamespace(), SimpleNamespace(choices=[None])])
def test_the_text_size_of_any_other_item_is_zero(text_size, item):
    assert text_size(item) == 0
