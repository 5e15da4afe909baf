"""What providers are known to send beside the ordinary, through their own clients, to the last token and digit."""

import json
from decimal import Decimal

import anthropic
import pytest

import tokenbudget as tb
from tests.integration.capture import sdks, test_sdks
from tests.integration.capture.bodies import MESSAGE, sse
from tests.integration.capture.local_server import aws_event
from tests.integration.capture.provider_bodies import invoked
from tests.integration.capture.test_sdks import read

pytestmark = test_sdks.pytestmark
TALK = sdks.TALK
MILLION = Decimal(1_000_000)


def cost(*lines):
    """Dollars for pairs of tokens and dollars per million."""
    return sum((count * Decimal(rate) for count, rate in lines), Decimal(0)) / MILLION


def invoke(server, body, model="a.model-v1:0", **headers):
    """Invoke a model on Bedrock; a list of chunks is a stream."""
    server.answer(invoked(sse(*body)) if isinstance(body, list) else body, **headers)
    client = tb.wrap(sdks.bedrock(server.url))
    if isinstance(body, list):
        list(client.invoke_model_with_response_stream(modelId=model, body="{}")["body"])
    else:
        client.invoke_model(modelId=model, body="{}")["body"].read()


# Anthropic


def test_a_stream_splits_its_later_cache_writes_by_iteration(server, events):
    """The split at the start knows only the first pass over the model."""
    started = {"input_tokens": 10, "output_tokens": 1, "cache_creation_input_tokens": 0}
    split = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    passes = [
        {"type": "message", "input_tokens": 10, "output_tokens": 4, "cache_creation": None},
        {
            "type": "message",
            "input_tokens": 2,
            "output_tokens": 5,
            "cache_creation_input_tokens": 40,
            "cache_creation": split | {"ephemeral_1h_input_tokens": 40},
        },
    ]
    ended = {"input_tokens": 12, "output_tokens": 9, "cache_creation_input_tokens": 40, "iterations": passes}
    message = MESSAGE | {"content": [], "stop_reason": None, "usage": started | {"cache_creation": split}}
    server.answer(
        sse(
            ("message_start", {"type": "message_start", "message": message}),
            ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ended}),
            ("message_stop", {"type": "message_stop"}),
        )
    )
    client = tb.wrap(anthropic.Anthropic(api_key="unused", base_url=server.url))
    list(client.beta.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=sdks.HI, stream=True))
    (event,) = events
    assert read(event) == {
        "input_tokens": 52,
        "output_tokens": 9,
        "cache_write_tokens": 40,
        "cache_write_1h_tokens": 40,
    }
    assert event.cost_usd == cost((12, "3"), (40, "6"), (9, "15"))


# Bedrock

INVOKED = {
    "a stream of Llama that ends without metrics": (
        [
            {"generation": "Hel", "prompt_token_count": 9, "generation_token_count": 1, "stop_reason": None},
            {"generation": "lo", "prompt_token_count": None, "generation_token_count": 2, "stop_reason": "stop"},
        ],
        {"input_tokens": 9, "output_tokens": 2},
    ),
    "a stream of Titan that ends without metrics": (
        [
            {"outputText": "Hel", "totalOutputTextTokenCount": None, "inputTextTokenCount": 5},
            {"outputText": "lo", "totalOutputTextTokenCount": 3, "inputTextTokenCount": None},
        ],
        {"input_tokens": 5, "output_tokens": 3},
    ),
    "Nova, with cache writes of both lifetimes and no total": (
        {
            "usage": {
                "inputTokens": 10,
                "outputTokens": 5,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 4}, {"ttl": "1h", "inputTokens": 30}],
            }
        },
        {
            "input_tokens": 44,
            "output_tokens": 5,
            "cache_write_tokens": 34,
            "cache_write_5m_tokens": 4,
            "cache_write_1h_tokens": 30,
        },
    ),
}


@pytest.mark.parametrize(("body", "fields"), INVOKED.values(), ids=INVOKED)
def test_invoked_models(server, events, body, fields):
    invoke(server, body)
    assert read(events[0]) == fields


def test_a_ranking_does_not_cost_nothing(server, events):
    """Its row has tokens at 0 and a price a query; how many queries it was no answer says."""
    ranked = {"results": [{"index": 0, "relevance_score": 0.9}]}
    counts = {"x-amzn-bedrock-input-token-count": "12", "x-amzn-bedrock-output-token-count": "0"}
    invoke(server, ranked, "cohere.rerank-v3-5:0", **counts)
    assert (events[0].usage.input_tokens, events[0].cost_usd, events[0].unpriced) == (None, None, "no_usage")


def test_an_embedded_picture_has_its_price(server, events):
    server.answer({"embedding": [0.5], "inputTextTokenCount": 0})
    client = tb.wrap(sdks.bedrock(server.url))
    asked = json.dumps({"inputImage": "aGk="})
    client.invoke_model(modelId="amazon.titan-embed-image-v1", body=asked)["body"].read()
    assert (events[0].usage.units, events[0].cost_usd) == ({"input_images": 1}, Decimal("0.00006"))


CHUNKS = [
    {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]},
    {
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 200, "total_tokens": 1100},
    },
]


def test_a_streams_tier_is_in_its_headers(server, events):
    for tier in ("default", "flex"):
        invoke(server, CHUNKS, "openai.gpt-oss-120b-1:0", **{"x-amzn-bedrock-service-tier": tier})
    ordinary, flex = events
    assert (ordinary.service_tier, flex.service_tier) == ("default", "flex")
    assert flex.cost_usd == ordinary.cost_usd / 2


def test_how_bedrock_served_a_claude_is_in_the_headers_and_not_in_what_claude_says(server, events):
    for tier in ("reserved", "default"):
        invoke(server, MESSAGE, "us.anthropic.claude-sonnet-4-6", **{"x-amzn-bedrock-service-tier": tier})
    reserved, ordinary = events
    assert (reserved.service_tier, ordinary.service_tier) == ("reserved", "default")
    searches = Decimal("0.02")  # its tokens are paid for by time
    assert reserved.usage.tools == {"web_search": 2}
    assert reserved.cost_usd == searches < ordinary.cost_usd


def test_a_stream_with_optimized_latency_is_not_priced_as_an_ordinary_one(server, events):
    invoke(server, CHUNKS, "openai.gpt-oss-120b-1:0", **{"x-amzn-bedrock-performanceconfig-latency": "optimized"})
    assert (events[0].speed, events[0].cost_usd, events[0].unpriced) == (
        "optimized",
        None,
        "no_unit_price: optimized speed",
    )


def test_a_stream_that_breaks_was_paid_for_as_far_as_it_came(server, events):
    said = aws_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello there. "}})
    server.answer([aws_event("messageStart", {"role": "assistant"}), said, said[:-1] + b"!"])
    with pytest.raises(Exception, match=r"[Cc]hecksum"):
        list(tb.wrap(sdks.bedrock(server.url)).converse_stream(modelId=sdks.CLAUDE, messages=TALK)["stream"])
    (event,) = events
    assert (event.status, event.measured, event.usage.output_tokens) == ("aborted", "estimated", 4)


ROUTER = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1"
CHOSEN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_a_prompt_router_costs_what_the_model_it_chose_does(server, events):
    usage = {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}
    trace = {"promptRouter": {"invokedModelId": CHOSEN}}
    head = {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}, "stopReason": "end_turn"}
    told = {"usage": usage, "metrics": {"latencyMs": 9}, "trace": trace}
    client = tb.wrap(sdks.bedrock(server.url))
    server.answer(head | told)
    client.converse(modelId=ROUTER, messages=TALK)
    server.answer([aws_event("messageStop", {"stopReason": "end_turn"}), aws_event("metadata", told)])
    list(client.converse_stream(modelId=ROUTER, messages=TALK)["stream"])
    for event in events:
        assert (event.model, event.requested_model) == ("us.anthropic.claude-haiku-4-5-20251001-v1:0", ROUTER)
        assert event.cost_usd == cost((1000, "1.1"), (100, "5.5"))
    assert len(events) == 2


# Cohere

BILLED = {
    "texts": ({"input_tokens": 3}, {"input_tokens": 3}, cost((3, "0.12"))),
    "images": (
        {"images": 1, "image_tokens": 200},
        {"input_tokens": 200, "input_image_tokens": 200, "units": {"input_images": 1}},
        cost((200, "0.47")),
    ),
    "images and texts": (
        {"images": 1, "image_tokens": 200, "input_tokens": 4},
        {"input_tokens": 204, "input_image_tokens": 200, "units": {"input_images": 1}},
        cost((200, "0.47"), (4, "0.12")),
    ),
    "images and texts, and their sum": (
        {"images": 1, "image_tokens": 200, "text_tokens": 4, "input_tokens": 204},
        {"input_tokens": 204, "input_image_tokens": 200, "units": {"input_images": 1}},
        cost((200, "0.47"), (4, "0.12")),
    ),
}


@pytest.mark.parametrize(("billed", "fields", "dollars"), BILLED.values(), ids=BILLED)
def test_embeddings_of_images_are_billed_as_images(server, events, billed, fields, dollars):
    server.answer({"id": "e", "embeddings": {"float": [[0.5]]}, "texts": [], "meta": {"billed_units": billed}})
    tb.wrap(sdks.cohere(server.url)).embed(model="embed-v4.0", texts=["hi"], input_type="image")
    assert read(events[0]) == fields | {"output_tokens": 0}
    assert events[0].cost_usd == dollars


# Mistral


def conversation(**usage):
    return {
        "object": "conversation.response",
        "conversation_id": "c",
        "outputs": [
            {"type": "tool.execution", "name": "web_search", "id": "t", "arguments": "{}"},
            {"type": "message.output", "id": "m", "content": "Hello", "model": "mistral-medium-latest"},
        ],
        "usage": {"prompt_tokens": 188, "completion_tokens": 55} | usage,
    }


CONNECTED = {
    "beside the prompt": ({"connector_tokens": 7112, "total_tokens": 7355}, 7300, 7112),
    "in the prompt": ({"connector_tokens": 100, "total_tokens": 243}, 188, 100),
    "none": ({"connector_tokens": None, "total_tokens": 243}, 188, 0),
}


@pytest.mark.parametrize(("usage", "given", "connected"), CONNECTED.values(), ids=CONNECTED)
def test_what_a_connector_gave_the_model_to_read_is_input(server, events, usage, given, connected):
    client = tb.wrap(sdks.mistral(server.url))
    answer = conversation(**usage)
    server.answer(answer)
    client.beta.conversations.start(agent_id="ag_1", inputs="hi")
    said = {"id": "m", "type": "message.output.delta", "content": "Hello", "model": "mistral-medium-latest"}
    done = {"type": "conversation.response.done", "usage": answer["usage"]}
    server.answer(sse((said["type"], said), (done["type"], done)))
    list(client.beta.conversations.start_stream(agent_id="ag_1", inputs="hi"))
    assert len(events) == 2
    for event in events:
        usage = event.usage
        assert (usage.input_tokens, usage.tool_prompt_tokens, usage.output_tokens) == (given, connected, 55)
        assert event.model == "mistral-medium-latest"
        assert event.cost_usd == cost((given, "1.5"), (55, "7.5"))


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 60}, "num_cached_tokens": 60},
        {"prompt_tokens_details": None, "num_cached_tokens": 60},
        {"prompt_token_details": {"cached_tokens": 60}},
    ],
)
def test_each_name_of_cached_tokens(server, events, cached):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, **cached}
    body = {"id": "m", "object": "chat.completion", "created": 1, "model": "mistral-small-latest"}
    server.answer(body | {"choices": [choice], "usage": usage})
    tb.wrap(sdks.mistral(server.url)).chat.complete(model="mistral-small-latest", messages=sdks.HI)
    assert read(events[0]) == {"input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 60}


HEARD = {"model": "voxtral-mini-latest", "text": "Hello", "language": "en", "segments": []}
SOUND = {"model": "voxtral-mini-latest", "file": {"file_name": "a.mp3", "content": b"abc"}}


def heard(seconds):
    counts = {"prompt_tokens": 4, "completion_tokens": 12, "total_tokens": 16, "prompt_audio_seconds": seconds}
    return HEARD | {"usage": counts}


def test_an_uploaded_recording_is_billed_by_its_seconds(server, events):
    client = tb.wrap(sdks.mistral(server.url))
    server.answer(heard(40))
    client.audio.transcriptions.complete(**SOUND)
    done = {"type": "transcription.done", **heard(40)}
    told = {"type": "transcription.text.delta", "text": "Hello"}
    server.answer(sse((told["type"], told), (done["type"], done)))
    list(client.audio.transcriptions.stream(**SOUND))
    assert len(events) == 2
    for event in events:
        assert (event.operation, event.model) == ("transcriptions", "voxtral-mini-latest")
        assert (event.usage.units, event.usage.output_tokens) == ({"audio_seconds": 40}, 12)
        assert (event.cost_usd, event.status) == (Decimal("0.002"), "ok")


def test_speech_is_billed_by_its_characters(server, events):
    server.answer({"audio_data": "aGk="})
    client = tb.wrap(sdks.mistral(server.url))
    client.audio.speech.complete(model="voxtral-mini-tts-latest", input="Hello there.")
    (event,) = events
    assert (event.operation, event.usage.units) == ("speech", {"characters": 12})
    assert event.cost_usd == cost((12, "16"))


# Gemini


@pytest.mark.parametrize("spelling", ["promptTokenDetails", "promptTokensDetails"])
def test_an_embedded_picture_is_not_text(server, events, spelling):
    parts = [{"modality": "TEXT", "tokenCount": 40}, {"modality": "IMAGE", "tokenCount": 250}]
    usage = {"promptTokenCount": 290, spelling: parts}
    client = tb.wrap(sdks.gemini(server.url))
    server.answer({"embeddings": [{"values": [0.5]}], "usageMetadata": usage})
    client.models.embed_content(model="gemini-embedding-2-preview", contents="hi")
    assert read(events[0]) == {"input_tokens": 290, "output_tokens": 0, "input_image_tokens": 250}
    assert events[0].cost_usd == cost((40, "0.2"), (250, "0.45"))


TOTALS = {
    "beside the answer": ({"totalTokenCount": 135}, 35),
    "in the answer": ({"totalTokenCount": 120}, 20),
    "in the answer, with a tool's prompt": ({"toolUsePromptTokenCount": 7, "totalTokenCount": 127}, 20),
    "no total": ({}, 35),
}


@pytest.mark.parametrize(("usage", "written"), TOTALS.values(), ids=TOTALS)
def test_thoughts_are_counted_once(server, events, usage, written):
    counts = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 15}
    said = {"index": 0, "content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}
    client = tb.wrap(sdks.gemini(server.url))
    answer = {"candidates": [said], "modelVersion": "gemini-2.5-flash", "responseId": "r"}
    server.answer(answer | {"usageMetadata": counts | usage})
    client.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert (events[0].usage.output_tokens, events[0].usage.reasoning_tokens) == (written, 15)
