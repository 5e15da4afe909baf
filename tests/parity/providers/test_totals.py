"""What a stated total proves is used, and one that contradicts is marked: every provider, to the digit."""

from decimal import Decimal

import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies, sdks, test_sdks
from tests.integration.capture.wire import Wire, client_of

pytestmark = test_sdks.pytestmark
HEARD = {"prompt_audio_seconds": 30, "prompt_tokens": 8, "completion_tokens": 50, "total_tokens": 433}


def client(answer, base_url="https://api.openai.com/v1"):
    return tb.wrap(openai.OpenAI(api_key="unused", base_url=base_url, http_client=client_of(openai, Wire(answer))))


def chat(usage, model="gpt-4o-mini-2024-07-18"):
    return bodies.CHAT | {"model": model, "usage": usage}


def stream(usage, model="gpt-4o-mini-2024-07-18"):
    return bodies.sse(
        *(chunk | {"model": model} for chunk in [*bodies.CHAT_CHUNKS, bodies.CHAT_USAGE_CHUNK | {"usage": usage}]),
        "[DONE]",
    )


def counts(event):
    return event.usage.input_tokens, event.usage.output_tokens


# Sound beside the prompt


@pytest.mark.parametrize("how", ["mistral", "mistral, streamed", "openai", "openai, streamed", "openai, raw"])
def test_sound_that_mistral_counts_beside_the_prompt_is_input(server, events, how):
    model, is_stream = "voxtral-small-latest", "streamed" in how
    if how.startswith("mistral"):
        server.answer(stream(HEARD, model) if is_stream else chat(HEARD, model))
        send = tb.wrap(sdks.mistral(server.url)).chat
        list((send.stream if is_stream else send.complete)(model=model, messages=sdks.HI))
    else:
        answer = stream(HEARD, model) if is_stream else chat(HEARD, model)
        send = client(answer, "https://api.mistral.ai/v1").chat.completions
        if "raw" in how:
            send.with_raw_response.create(model=model, messages=sdks.HI).parse()
        else:
            list(send.create(model=model, messages=sdks.HI, stream=is_stream))
    (event,) = events
    assert (*counts(event), event.usage.input_audio_tokens, event.warnings) == (383, 50, 375, ())
    assert event.cost_usd == (383 * Decimal("0.1") + 50 * Decimal("0.4")) / 1_000_000


def test_sound_whose_length_is_not_stated_is_input_as_well(events):
    usage = HEARD | {"prompt_audio_seconds": None}
    client(chat(usage, "voxtral-small-2507")).chat.completions.create(model="voxtral-small-2507", messages=sdks.HI)
    assert (*counts(events[0]), events[0].usage.input_audio_tokens) == (383, 50, 375)


def test_a_transcription_by_the_second_keeps_its_tokens(server, events):
    server.answer({"model": "voxtral-mini-latest", "text": "Hi", "language": "en", "segments": [], "usage": HEARD})
    sound = {"file_name": "a.mp3", "content": b"abc"}
    tb.wrap(sdks.mistral(server.url)).audio.transcriptions.complete(model="voxtral-mini-latest", file=sound)
    (event,) = events
    assert (*counts(event), event.usage.units) == (383, 50, {"audio_seconds": 30})
    assert event.cost_usd == Decimal("0.0015")


# One side alone

ALONE = {
    "a prompt and an equal total": ({"prompt_tokens": 9, "total_tokens": 9}, (9, 0)),
    "a prompt and a larger total": ({"prompt_tokens": 9, "total_tokens": 12}, (9, 3)),
    "no output, said so": ({"prompt_tokens": 9, "completion_tokens": None, "total_tokens": 9}, (9, 0)),
    "an output and a larger total": ({"completion_tokens": 3, "total_tokens": 12}, (9, 3)),
}


@pytest.mark.parametrize(("usage", "sides"), ALONE.values(), ids=ALONE)
@pytest.mark.parametrize("how", ["whole", "stream", "raw"])
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_what_the_total_leaves_is_the_other_side(events, api, how, usage, sides):
    if api == "chat":
        send, asked, answer = (lambda c: c.chat.completions), {"messages": sdks.HI}, chat(usage)
        answer = stream(usage) if how == "stream" else answer
    else:
        head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct"}
        said = head | {"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}]}
        whole, last = said | {"usage": usage}, head | {"choices": [], "usage": usage}
        send, asked, answer = (
            (lambda c: c.completions),
            {"prompt": "x"},
            bodies.sse(said, last, "[DONE]") if how == "stream" else whole,
        )
    method = send(client(answer))
    if how == "raw":
        method.with_raw_response.create(model="m", **asked).parse()
    else:
        list(method.create(model="m", stream=how == "stream", **asked))
    assert (counts(events[0]), events[0].warnings) == (sides, ())
    assert events[0].cost_usd is not None


# Contradictions

MARKED = {
    "more": ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 150}, 150),
    "less": ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 100}, 100),
}


@pytest.mark.parametrize(("usage", "total"), MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("how", ["whole", "stream", "raw"])
def test_a_total_that_contradicts_is_marked(events, usage, total, how):
    send = client(stream(usage) if how == "stream" else chat(usage)).chat.completions
    if how == "raw":
        send.with_raw_response.create(model="m", messages=sdks.HI).parse()
    else:
        list(send.create(model="m", messages=sdks.HI, stream=how == "stream"))
    (event,) = events
    assert counts(event) == (100, 20)
    assert event.warnings == (f"total_tokens {total} != input_tokens 100 + output_tokens 20",)


def test_a_response_is_marked_and_made_whole_as_well(events):
    told = [
        {"input_tokens": 100, "output_tokens": 20, "total_tokens": 150},
        {
            "input_tokens": 100,
            "output_tokens": 20,
            "total_tokens": 127,
            "output_tokens_details": {"reasoning_tokens": 7},
        },
        {"input_tokens": 100, "output_tokens": None, "total_tokens": 100},
    ]
    for usage in told:
        client(bodies.RESPONSE | {"output": [], "usage": usage}).responses.create(model="m", input="x")
    assert [(counts(event), len(event.warnings)) for event in events] == [((100, 20), 1), ((100, 27), 0), ((100, 0), 0)]


def test_embeddings_are_marked_as_well(events):
    client(bodies.EMBEDDINGS | {"usage": {"prompt_tokens": 20, "total_tokens": 25}}).embeddings.create(
        model="text-embedding-3-small", input="x", encoding_format="float"
    )
    assert (counts(events[0]), events[0].warnings) == (
        (20, 0),
        ("total_tokens 25 != input_tokens 20 + output_tokens 0",),
    )


CONVERSED = {
    "all of them": ({"totalTokens": 1030, "cacheReadInputTokens": 900, "cacheWriteInputTokens": 100}, 1010, 20, 0),
    "no output": ({"outputTokens": None, "totalTokens": 10}, 10, 0, 0),
    "something else": ({"totalTokens": 99}, 10, 20, 1),
}


@pytest.mark.parametrize(("usage", "given", "made", "marks"), CONVERSED.values(), ids=CONVERSED)
def test_bedrocks_total(server, events, usage, given, made, marks):
    usage = {
        name: count for name, count in ({"inputTokens": 10, "outputTokens": 20} | usage).items() if count is not None
    }
    server.answer(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
            "stopReason": "end_turn",
            "usage": usage,
            "metrics": {"latencyMs": 9},
        }
    )
    tb.wrap(sdks.bedrock(server.url)).converse(modelId=sdks.CLAUDE, messages=sdks.TALK)
    assert (*counts(events[0]), len(events[0].warnings)) == (given, made, marks)


def test_geminis_total_that_nothing_explains_is_marked(server, events):
    said = {"index": 0, "content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 15, "totalTokenCount": 400}
    server.answer({"candidates": [said], "modelVersion": "gemini-2.5-flash", "responseId": "r", "usageMetadata": usage})
    gemini = tb.wrap(sdks.gemini(server.url))
    gemini.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert counts(events[0]) == (100, 35)
    assert events[0].warnings == ("total_tokens 400 != input_tokens 100 + output_tokens 20",)


def test_a_prompt_that_gemini_refused_has_no_answer(server, events):
    usage = {"promptTokenCount": 100, "totalTokenCount": 100}
    server.answer(
        {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-flash", "usageMetadata": usage}
    )
    gemini = tb.wrap(sdks.gemini(server.url))
    gemini.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert (counts(events[0]), events[0].warnings) == ((100, 0), ())


# Names that servers give to cached tokens

CACHED = {
    "DeepSeek": (
        "https://api.deepseek.com/v1",
        {"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40},
        (60, 0),
    ),
    "Moonshot": ("https://api.moonshot.ai/v1", {"cached_tokens": 60}, (60, 0)),
    "DashScope": (
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        {"prompt_tokens_details": {"cached_tokens": 60, "cache_creation_input_tokens": 30, "cache_type": "ephemeral"}},
        (60, 30),
    ),
    "Together": ("https://api.together.xyz/v1", {"prompt_tokens_details": {"cached_tokens": 60}}, (60, 0)),
    "beside the prompt, as the total shows": (
        "https://gateway.example/v1",
        {"prompt_tokens": 40, "prompt_tokens_details": {"cached_tokens": 60}},
        (60, 0),
    ),
}


@pytest.mark.parametrize(("base_url", "usage", "cached"), CACHED.values(), ids=CACHED)
def test_cached_tokens(events, base_url, usage, cached):
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} | usage
    client(chat(usage, "m"), base_url).chat.completions.create(model="m", messages=sdks.HI)
    (event,) = events
    assert counts(event) == (100, 20)
    assert (event.usage.cache_read_tokens, event.usage.cache_write_tokens, event.warnings) == (*cached, ())
