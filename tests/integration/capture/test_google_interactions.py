"""Interactions made in the background and fetched when they are done, and decisions."""

import asyncio

import pytest

import tokenbudget as tb
from tests.integration.capture import provider_bodies as bodies
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.local_server import running
from tests.integration.capture.test_sdks import read
from tokenbudget.capture import seen_ids

pytestmark = [
    *test_sdks.pytestmark,
    pytest.mark.skipif(not sdks._is("google-genai", "1.55"), reason="this google-genai knows no interactions"),
]
PENDING = {name: value for name, value in bodies.INTERACTION.items() if name not in {"usage", "steps"}}
PENDING["status"] = "in_progress"
ASKED = {"model": "gemini-3-flash-preview", "input": "hi"}


@pytest.fixture(autouse=True)
def nothing_remembered():
    seen_ids.forget()


@pytest.fixture
def server():
    with running() as local:
        yield local


def test_one_made_in_the_background_is_recorded_when_it_is_done_and_once(server, events):
    client = tb.wrap(sdks.gemini(server.url))
    server.answer(PENDING)
    client.interactions.create(**ASKED, background=True)
    client.interactions.get("interaction-1")
    assert events == []
    server.answer(bodies.INTERACTION)

    async def fetch():
        await client.aio.interactions.get("interaction-1")

    for _ in range(2):
        client.interactions.get("interaction-1")
        asyncio.run(fetch())
    (event,) = events
    assert read(event) == bodies.INTERACTION_FIELDS
    assert (event.operation, event.status, event.latency_ms) == ("interactions", "ok", None)
    assert event.occurred_at.isoformat() == "2026-11-01T10:00:00+00:00"


def test_one_that_was_waited_for_is_not_recorded_again(server, events):
    client = tb.wrap(sdks.gemini(server.url))
    server.answer(bodies.INTERACTION)
    client.interactions.create(**ASKED)
    client.interactions.get("interaction-1")
    seen_ids.forget()  # as in another process
    client.interactions.get("interaction-1")
    assert len(events) == 1
    assert events[0].latency_ms is not None


def test_a_stream_that_is_left_is_recorded(server, events):
    server.answer(bodies.INTERACTION_STREAM[:-1])
    client = tb.wrap(sdks.gemini(server.url))
    for _ in client.interactions.create(**ASKED, stream=True):
        pass
    (event,) = events
    assert event.response_id == "interaction-1"


def test_decisions(server, events):
    client = tb.wrap(sdks.gemini(server.url))
    if not hasattr(client, "decisions"):
        pytest.skip("this google-genai makes no decisions")
    server.answer({"answers": {}, "usage": bodies.INTERACTION["usage"]})
    client.decisions.create(model="models/gemini-3-flash-preview", input="hi", questions={})
    (event,) = events
    assert (event.operation, event.model) == ("decisions", "gemini-3-flash-preview")
    assert read(event) == bodies.INTERACTION_FIELDS
