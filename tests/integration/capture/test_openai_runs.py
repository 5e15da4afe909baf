"""Runs of assistants: polled until they are done, or streamed, and recorded once."""

import asyncio

import openai
import pytest

from tests.integration.capture.bodies import sse
from tokenbudget.capture import seen_ids

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RUN = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1_790_000_000,
    "assistant_id": "asst_1",
    "thread_id": "thread_1",
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "instructions": "",
    "tools": [],
    "metadata": {},
    "parallel_tool_calls": True,
    "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150},
}
QUEUED = RUN | {"status": "queued", "usage": None}
MESSAGE = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": [], "status": "in_progress"}
PLACE = {"thread_id": "thread_1"}


@pytest.fixture(autouse=True)
def nothing_remembered():
    seen_ids.forget()


def _message(text):
    content = [{"index": 0, "type": "text", "text": {"value": text}}]
    return "thread.message.delta", {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": content}}


STREAM = sse(
    ("thread.run.created", QUEUED),
    ("thread.run.in_progress", QUEUED | {"status": "in_progress"}),
    ("thread.message.created", MESSAGE),
    _message("Hello "),
    _message("there."),
    ("thread.run.completed", RUN),
    ("done", "[DONE]"),
)


def is_the_run(event):
    assert (event.operation, event.provider, event.model, event.response_id) == (
        "runs",
        "openai",
        RUN["model"],
        "run_1",
    )
    assert (event.status, event.measured, event.latency_ms) == ("ok", "exact", None)
    assert (event.usage.input_tokens, event.usage.output_tokens) == (120, 30)
    assert event.occurred_at.timestamp() == RUN["created_at"]
    assert event.cost_usd is not None


def test_a_run_is_recorded_when_it_is_done_however_often_it_is_asked_for(connect, events):
    client, _ = connect(openai.OpenAI, QUEUED, QUEUED | {"status": "in_progress"}, RUN)
    runs = client.beta.threads.runs
    runs.create(**PLACE, assistant_id="asst_1")
    runs.retrieve("run_1", **PLACE)
    assert events == []
    for _ in range(3):
        runs.retrieve("run_1", **PLACE)
    is_the_run(*events)
    ids = {events[0].id}
    seen_ids.forget()  # another process remembers nothing, and makes the same id
    runs.retrieve("run_1", **PLACE)
    assert {event.id for event in events} == ids


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "incomplete"])
def test_a_run_that_came_to_nothing_is_paid_for_as_well(connect, events, status):
    client, _ = connect(openai.OpenAI, RUN | {"status": status})
    client.beta.threads.runs.submit_tool_outputs("run_1", **PLACE, tool_outputs=[])
    is_the_run(*events)


def test_a_run_may_be_made_with_its_thread_and_polled_asynchronously(connect, events):
    client, _ = connect(openai.AsyncOpenAI, QUEUED, RUN)
    asyncio.run(client.beta.threads.create_and_run_poll(assistant_id="asst_1", poll_interval_ms=1))
    is_the_run(*events)


def test_a_streamed_run(connect, events):
    client, _ = connect(openai.OpenAI, STREAM)
    list(client.beta.threads.runs.create(**PLACE, assistant_id="asst_1", stream=True))
    with client.beta.threads.runs.stream(**PLACE, assistant_id="asst_1") as stream:
        assert "".join(stream.text_deltas) == "Hello there."
    is_the_run(*events)


def test_a_stream_that_is_left_is_recorded_when_its_run_is_asked_for(connect, events):
    client, _ = connect(openai.OpenAI, STREAM[:5], RUN)
    list(client.beta.threads.runs.create(**PLACE, assistant_id="asst_1", stream=True))
    assert events == []
    client.beta.threads.runs.retrieve("run_1", **PLACE)
    is_the_run(*events)


def test_other_things_of_a_thread_are_no_calls(connect, events):
    answer = {"id": "thread_1", "object": "thread", "created_at": 1, "metadata": {}, "tool_resources": None}
    client, wire = connect(openai.OpenAI, answer)
    client.beta.threads.retrieve("thread_1")
    client.beta.threads.create()
    wire.answers = [{"object": "list", "data": [RUN], "first_id": "run_1", "last_id": "run_1", "has_more": False}]
    list(client.beta.threads.runs.list("thread_1"))
    assert events == []


def test_decisions(connect, events):
    usage = {"input_tokens": 50, "output_tokens": 4, "total_tokens": 54}
    usage |= {"input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 8}}
    usage |= {"output_tokens_details": {"reasoning_tokens": 2}}
    client, _ = connect(openai.OpenAI, {"answers": [], "model": "gpt-4.1-mini", "usage": usage})
    if not hasattr(client, "decisions"):
        pytest.skip("this openai makes no decisions")
    client.decisions.create(model="gpt-4.1-mini", input="x", questions=[])
    (event,) = events
    assert (event.operation, event.usage.input_tokens, event.usage.output_tokens) == ("decisions", 50, 4)
    assert (event.usage.cache_read_tokens, event.usage.cache_write_tokens, event.usage.reasoning_tokens) == (16, 8, 2)
