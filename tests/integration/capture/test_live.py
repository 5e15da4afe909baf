"""Sessions over a web socket of Google's and Mistral's SDKs, with real clients and a server on this machine."""

import asyncio
from decimal import Decimal

import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.socket_server import talking

pytestmark = test_sdks.pytestmark
MODEL = "gemini-live-2.5-flash-preview-native-audio-09-2025"
VOXTRAL = "voxtral-mini-transcribe-realtime-2602"
PART = {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": "Hello there."}]}}}
DONE = {"turnComplete": True}


def usage(prompt, written, **more):
    """Return the tokens of a turn, a fifth of the prompt text and the rest sound."""
    return {
        "promptTokenCount": prompt,
        "responseTokenCount": written,
        "totalTokenCount": prompt + written,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": prompt // 5},
            {"modality": "AUDIO", "tokenCount": prompt - prompt // 5},
        ],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": written}],
        **more,
    }


@pytest.fixture
def server():
    with talking() as local:
        yield local


class Gemini:
    """Says `turns` in a session of Gemini's, the first of which is the setup's."""

    def __init__(self, server, *, wrap=True):
        client = sdks.gemini(server.url)
        # The SDK takes it that there is TLS.
        client._api_client._websocket_base_url = lambda *_: server.url
        client._api_client._websocket_ssl_ctx = {}
        self.client = tb.wrap(client) if wrap else client
        server.replies = [[{"setupComplete": {}}]]
        self.server = server

    def talk(self, *turns, parts=None):
        self.server.replies += turns

        async def main():
            async with self.client.aio.live.connect(model=MODEL, config={"response_modalities": ["AUDIO"]}) as session:
                for turn in turns:
                    await session.send_client_content(turns={"role": "user", "parts": [{"text": "hi"}]})
                    for _ in turn[:parts]:
                        await session._receive()

        asyncio.run(main())


def counts(events):
    return [(event.usage.input_tokens, event.usage.output_tokens, event.status) for event in events]


def test_each_turn_is_recorded_by_what_it_states(server, events):
    first, second = usage(500, 40), usage(600, 20, thoughtsTokenCount=30, toolUsePromptTokenCount=10)
    with tb.tags(feature="voice"):
        Gemini(server).talk(
            [PART, PART, {"serverContent": DONE, "usageMetadata": first}],
            [PART, {"usageMetadata": second}, {"serverContent": DONE}],
        )
    assert counts(events) == [(500, 40, "ok"), (610, 50, "ok")]
    one, other = events
    assert (one.provider, one.operation, one.requested_model, one.tags) == (
        "google",
        "live",
        MODEL,
        {"feature": "voice"},
    )
    assert (one.usage.input_audio_tokens, one.usage.output_audio_tokens, other.usage.reasoning_tokens) == (400, 40, 30)
    # $0.50 a million for text, $3 for sound, $12 for spoken sound; thoughts are text, at $2.
    assert one.cost_usd == (100 * Decimal("0.5") + 400 * 3 + 40 * 12) / 10**6
    assert other.cost_usd == ((120 + 10) * Decimal("0.5") + 480 * 3 + 20 * 12 + 30 * 2) / 10**6


def test_usage_is_found_wherever_it_stands(server, events):
    repeated = usage(100, 9)
    Gemini(server).talk(
        [PART, {"usageMetadata": repeated}, PART, {"serverContent": DONE, "usageMetadata": repeated}],
        [PART, {"serverContent": DONE}, {"usageMetadata": usage(120, 8)}],
        [PART, {"serverContent": DONE}],
        [PART, {"serverContent": DONE, "usageMetadata": usage(140, 7)}],
        [{"toolCall": {"functionCalls": []}, "usageMetadata": usage(150, 6)}],
    )
    # The third turn states nothing, and the fourth's begin shows that nothing is to come.
    assert counts(events) == [(100, 9, "ok"), (120, 8, "ok"), (None, None, "ok"), (140, 7, "ok"), (150, 6, "ok")]
    assert events[2].cost_usd is None


def test_searches_of_a_turn_are_counted(server, events):
    found = {"groundingMetadata": {"webSearchQueries": ["a", "b"]}}
    turn = [PART, {"serverContent": found}, {"serverContent": DONE, "usageMetadata": usage(500, 40)}]
    Gemini(server).talk(turn, [PART, {"serverContent": DONE, "usageMetadata": usage(600, 50)}])
    assert [sum(event.usage.tools.values()) > 0 for event in events] == [True, False]


def test_a_session_left_in_the_middle_of_a_turn_has_an_aborted_call(server, events):
    Gemini(server).talk([PART, PART, {"serverContent": DONE, "usageMetadata": usage(500, 40)}], parts=1)
    assert [(event.status, event.cost_usd, event.requested_model) for event in events] == [("aborted", None, MODEL)]


def test_only_wrapped_clients_are_observed(server, events):
    Gemini(server)
    Gemini(server, wrap=False).talk([PART, {"serverContent": DONE, "usageMetadata": usage(500, 40)}])
    assert events == []


def test_mistrals_transcripts_over_a_socket(server, events):
    pytest.importorskip("mistralai.extra.realtime", reason="this mistralai has no sessions")
    session = {"request_id": "r", "model": "voxtral", "audio_format": {"encoding": "pcm_s16le", "sample_rate": 16000}}
    usage = {"prompt_tokens": 4, "completion_tokens": 635, "total_tokens": 639, "prompt_audio_seconds": 203}
    done = {"type": "transcription.done", "model": VOXTRAL, "text": "x", "language": None}
    server.greeting = [{"type": "session.created", "session": session}]
    server.replies = [[{"type": "transcription.text.delta", "text": "x"}, {**done, "usage": usage}]]
    client = tb.wrap(sdks.mistral(server.url.replace("ws", "http")))

    async def main():
        async with await client.audio.realtime.connect(model=VOXTRAL) as connection:
            await connection.send_audio(b"\0")
            async for event in connection:
                if event.type == "transcription.done":
                    break

    asyncio.run(main())
    (event,) = events
    assert (event.provider, event.operation, event.usage.units) == ("mistral", "transcriptions", {"audio_seconds": 203})
    assert (event.requested_model, event.status) == (VOXTRAL, "ok")
    assert event.cost_usd is not None
