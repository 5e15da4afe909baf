"""Sessions of openai's over a web socket, with real clients and a server on this machine."""

import asyncio
import gc
from decimal import Decimal

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture.bodies import RESPONSE, but
from tests.integration.capture.socket_server import talking

MODEL = "gpt-realtime"
HELLO = {
    "type": "session.created",
    "event_id": "e",
    "session": {"type": "realtime", "model": "gpt-realtime-2025-08-28"},
}
USAGE = {
    "total_tokens": 1300,
    "input_tokens": 1100,
    "output_tokens": 200,
    "input_token_details": {
        "text_tokens": 100,
        "audio_tokens": 1000,
        "cached_tokens": 640,
        "cached_tokens_details": {"text_tokens": 40, "audio_tokens": 600},
    },
    "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
}
# $4 and $16 a million for text, $32 and $64 for sound, $0.40 for what is cached of either.
COST = sum(
    Decimal(tokens) * Decimal(dollars) / 10**6
    for tokens, dollars in ((60, "4"), (400, "32"), (640, "0.4"), (50, "16"), (150, "64"))
)


def answer(number=1, **more):
    response = {"id": f"resp_{number}", "object": "realtime.response", "status": "completed", "output": []}
    return [
        {"type": "response.created", "event_id": "e", "response": {**response, "status": "in_progress"}},
        {
            "type": "response.output_audio.delta",
            "event_id": "e",
            "response_id": f"resp_{number}",
            "item_id": "item_1",
            "delta": "AAAA",
        },
        {"type": "response.done", "event_id": "e", "response": {**response, "usage": USAGE, **more}},
    ]


def heard(**usage):
    return {
        "type": "conversation.item.input_audio_transcription.completed",
        "event_id": "e",
        "item_id": "item_2",
        "content_index": 0,
        "transcript": "hello",
        "usage": usage,
    }


@pytest.fixture
def server():
    with talking() as local:
        local.greeting = [HELLO]
        local.replies = [answer()]
        yield local


def client_of(server, *, is_async=False, wrap=True):
    cls = openai.AsyncOpenAI if is_async else openai.OpenAI
    client = cls(api_key="unused", websocket_base_url=f"{server.url}/v1")
    return tb.wrap(client) if wrap else client


def realtime(client):
    """Return the resource that connects: at first it was a beta."""
    return client.realtime if hasattr(client, "realtime") else client.beta.realtime


def is_last(event):
    return event.type == "response.done"


def talk(server, *, until=is_last, client=None, **asked):
    """Ask once, and read until an event."""
    with realtime(client or client_of(server)).connect(model=MODEL, **asked) as connection:
        connection.response.create()
        return next(event for event in connection if until(event))


async def atalk(server, *, until=is_last, client=None):
    async with realtime(client or client_of(server, is_async=True)).connect(model=MODEL) as connection:
        await connection.response.create()
        async for event in connection:
            if until(event):
                return


def both(server, **how):
    """Talk plainly and asynchronously."""
    talk(server, **how)
    asyncio.run(atalk(server, **how))


def test_a_response_is_recorded_by_what_it_was_made_of(server, events):
    with tb.tags(feature="voice"):
        both(server)
    assert len(events) == 2
    for event in events:
        usage = event.usage
        assert (event.provider, event.operation, event.status) == ("openai", "realtime", "ok")
        assert (event.model, event.requested_model) == ("gpt-realtime-2025-08-28", MODEL)
        assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (1100, 200, 640)
        assert (usage.input_audio_tokens, usage.output_audio_tokens, usage.cache_read_audio_tokens) == (1000, 150, 600)
        assert (event.cost_usd, event.response_id, event.tags) == (COST, "resp_1", {"feature": "voice"})
        assert 0 < event.time_to_first_token_ms < event.latency_ms


def test_each_response_of_a_session_is_a_call(server, events):
    server.replies = [answer(1), answer(2), answer(3)]
    with realtime(client_of(server)).connect(model=MODEL) as connection:
        for _ in range(3):
            connection.response.create()
            next(event for event in connection if is_last(event))
    assert [event.response_id for event in events] == ["resp_1", "resp_2", "resp_3"]


def test_what_a_caller_sees_is_what_it_was(server, events):
    seen = [list(_all(realtime(client_of(server, wrap=wrap)))) for wrap in (False, True)]
    assert seen[0] == seen[1]
    assert [type(event) for event in seen[0]] == [type(event) for event in seen[1]]
    assert len(events) == 1


def _all(resource):
    with resource.connect(model=MODEL) as connection:
        assert type(connection).__name__ == "RealtimeConnection"
        connection.response.create()
        for event in connection:
            yield event
            if is_last(event):
                return


def test_a_response_that_fails_is_an_error_without_cost(server, events):
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    server.replies = [answer(status="failed", status_details=details, usage=None)]
    both(server)
    assert [(e.status, e.error_type, e.cost_usd) for e in events] == [("error", "rate_limit_exceeded", None)] * 2


def test_a_response_that_is_interrupted_costs_what_it_states(server, events):
    server.replies = [answer(status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"})]
    talk(server)
    assert [event.cost_usd for event in events] == [COST]


def test_messages_read_as_bytes_count_as_well(server, events):
    with realtime(client_of(server)).connect(model=MODEL) as connection:
        connection.response.create()
        while b'"response.done"' not in connection.recv_bytes():
            pass
    assert [event.cost_usd for event in events] == [COST]


def test_a_session_left_in_the_middle_of_a_response_has_an_aborted_call_without_cost(server, events):
    server.replies = [answer()[:2]]
    both(server, until=lambda event: event.type.endswith(".delta"))
    assert [(e.status, e.cost_usd, e.usage.absent, e.requested_model) for e in events] == [
        ("aborted", None, True, MODEL)
    ] * 2


def test_a_connection_that_breaks_has_an_aborted_call(server, events):
    server.replies = [answer()[:1], None]
    connection = realtime(client_of(server)).connect(model=MODEL).enter()
    connection.response.create()
    connection.response.create()
    assert [event.type for event in connection] == ["session.created", "response.created"]
    assert [event.status for event in events] == ["aborted"]


def test_a_connection_that_is_dropped_has_an_aborted_call(server, events):
    server.replies = [answer()[:1]]
    connection = realtime(client_of(server)).connect(model=MODEL).enter()
    connection.response.create()
    next(event for event in connection if event.type == "response.created")
    connection._connection.close()
    del connection
    gc.collect()
    assert [event.status for event in events] == ["aborted"]


def test_a_transcript_of_what_was_said_is_a_call_of_the_model_that_wrote_it(server, events):
    settings = {"model": MODEL, "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}}
    tokens = {"input_tokens": 40, "output_tokens": 10, "total_tokens": 50, "input_token_details": {"audio_tokens": 30}}
    said = [
        {"type": "session.updated", "event_id": "e", "session": settings},
        heard(type="tokens", **tokens),
        {
            "type": "session.updated",
            "event_id": "e",
            "session": {"input_audio_transcription": {"model": "whisper-1"}, "model": MODEL},
        },
        heard(type="duration", seconds=12.5),
    ]
    server.replies = [said + answer()]
    both(server)
    first, second, last = events[:3]
    assert (first.operation, first.model, first.requested_model) == ("transcriptions", *["gpt-4o-mini-transcribe"] * 2)
    assert (first.usage.input_tokens, first.usage.input_audio_tokens, first.usage.output_tokens) == (40, 30, 10)
    assert (second.model, second.usage.units, second.cost_usd) == (
        "whisper-1",
        {"seconds": Decimal("12.5")},
        Decimal("0.00125"),
    )
    assert (last.operation, len(events)) == ("realtime", 6)


def test_only_wrapped_clients_are_observed_unless_all_are(server, events):
    client_of(server)
    talk(server, client=client_of(server, wrap=False))
    assert events == []
    tb.patch()
    talk(server, client=client_of(server, wrap=False))
    tb.unpatch()
    assert [event.cost_usd for event in events] == [COST]


def test_azure_bills_what_its_deployments_answer(server, events):
    client = openai.AzureOpenAI(
        api_key="unused",
        api_version="2025-04-01-preview",
        azure_endpoint="https://mine.openai.azure.com",
        websocket_base_url=f"{server.url}/openai",
    )
    talk(server, client=tb.wrap(client))
    assert [(event.provider, event.requested_model) for event in events] == [("azure", MODEL)]
    assert "deployment=gpt-realtime" in server.paths[0]


newer = pytest.mark.skipif(not hasattr(openai.OpenAI, "realtime"), reason="this openai has no other sessions")


@newer
def test_a_call_that_is_joined_is_recorded_once(server, events):
    client = client_of(server)
    server.replies = [answer(1), answer(2)]
    with client.realtime.connect(model=MODEL) as first, client.realtime.connect(call_id="rtc_1") as second:
        for connection in (first, second, first):
            connection.response.create()
            next(event for event in connection if is_last(event))
    assert [event.response_id for event in events] == ["resp_1", "resp_2"]


@newer
def test_responses_over_a_socket_are_recorded_as_others(server, events):
    server.greeting = []
    begun = but(RESPONSE, id="resp_ws", usage=None, status="in_progress", output=[])
    delta = {"type": "response.output_text.delta", "delta": "Hello there, you.", "item_id": "i", "content_index": 0}
    server.replies = [
        [
            {"type": "response.created", "response": begun, "sequence_number": 0},
            {**delta, "output_index": 0, "sequence_number": 1, "logprobs": []},
            {"type": "response.completed", "response": but(RESPONSE, id="resp_ws"), "sequence_number": 2},
        ],
        [
            {"type": "response.created", "response": begun, "sequence_number": 0},
            {**delta, "output_index": 0, "sequence_number": 1, "logprobs": []},
        ],
        [{"type": "error", "status": 429, "error": {"code": "rate_limit_exceeded", "message": "no"}}],
    ]
    with client_of(server).responses.connect() as connection:
        for last in ("response.completed", "response.output_text.delta", "error"):
            connection.response.create(model="gpt-4.1", input="x")
            next(event for event in connection if event.type == last)
        connection.response.create(model="gpt-4.1", input="x")
    whole, refused = events
    assert (whole.operation, whole.response_id, whole.usage.input_tokens) == ("responses", "resp_ws", 300)
    assert (refused.status, refused.error_type, refused.cost_usd) == ("error", "rate_limit_exceeded", None)


@newer
def test_a_live_session_is_recorded_by_its_seconds(server, events):
    if not hasattr(openai.OpenAI, "live"):
        pytest.skip("this openai has no live sessions")
    session = {"id": "live_1", "model": "gpt-live-1", "expires_at": 1, "status": "active"}
    inner = [
        {"type": "response.created", "response": but(RESPONSE, id="resp_live", usage=None)},
        {"type": "response.completed", "response": but(RESPONSE, id="resp_live")},
    ]
    said = [
        {"type": "session.started", "event_id": "e", "session": session},
        {"type": "session.usage.updated", "event_id": "e", "usage": {"seconds": 30}},
        *({"type": "response.event", "event_id": "e", "delegation_id": "d", "event": event} for event in inner),
        {"type": "session.usage.updated", "event_id": "e", "usage": {"seconds": 60}},
    ]
    end = {"type": "session.closed", "event_id": "e", "reason": "close_requested", "session": session}
    server.greeting = []
    server.replies = [[*said, {**end, "usage": {"seconds": 90}}]]
    for last in ("session.closed", "session.usage.updated"):
        with client_of(server).live.connect() as connection:
            connection.send({"type": "session.start", "session": {"model": "gpt-live-1"}})
            next(event for event in connection if event.type == last and event.usage.seconds > 30)
    delegated, whole, again, left = events
    assert (delegated.operation, delegated.usage.input_tokens, again.operation) == ("responses", 300, "responses")
    assert (whole.operation, whole.model, whole.status) == ("live", "gpt-live-1", "ok")
    assert (whole.usage.units, whole.cost_usd) == ({"seconds": Decimal(90)}, Decimal("0.075"))
    # Closed without a word: the seconds that were stated last are the least it was.
    assert (left.status, left.measured, left.usage.units) == ("aborted", "estimated", {"seconds": Decimal(60)})
