import asyncio
import json
from decimal import Decimal

import openai
import pydantic
import pytest
from openai.resources.responses import Responses

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.conftest import chat_server, helpers
from tests.integration.capture.wire import Reply

HI = [{"role": "user", "content": "hi"}]
can_compact = pytest.mark.skipif(not hasattr(Responses, "compact"), reason="this openai cannot compact responses")


def test_a_chat_completion_is_recorded_to_the_last_digit(chat, events):
    client, _ = chat
    with tb.tags(feature="chatbot"):
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    assert answer.choices[0].message.content == "Hello there."
    (event,) = events
    assert (event.provider, event.operation, event.status, event.measured) == ("openai", "chat", "ok", "exact")
    assert (event.model, event.requested_model) == ("gpt-4o-mini-2024-07-18", "gpt-4o-mini")
    assert (event.response_id, event.service_tier, event.attempts) == ("chatcmpl-1", "default", 1)
    usage = event.usage
    assert (usage.input_tokens, usage.output_tokens) == (1000, 200)
    assert (usage.cache_read_tokens, usage.reasoning_tokens, usage.rejected_prediction_tokens) == (400, 50, 7)
    assert event.tags == {"feature": "chatbot"}
    assert event.latency_ms > 0
    # 600 x 0.15 + 400 x 0.075 + 200 x 0.60 dollars a million
    assert event.cost_usd == Decimal("0.00024")


def test_async_records_the_same(connect, events, chat):
    client, _ = connect(openai.AsyncOpenAI, chat_server)
    asyncio.run(client.chat.completions.create(model="gpt-4o-mini", messages=HI))
    chat[0].chat.completions.create(model="gpt-4o-mini", messages=HI)
    same = [(e.usage, e.model, e.cost_usd, e.status, e.operation) for e in events]
    assert same[0] == same[1]


def test_responses_count_what_is_billed_beside_tokens(connect, events):
    client, _ = connect(openai.OpenAI, bodies.RESPONSE)
    client.responses.create(model="gpt-4.1", input="hi")
    (event,) = events
    assert event.operation == "responses"
    assert event.usage.tools == {"web_search": 1, "code_interpreter": 1}  # opening a page is not a search
    assert (event.usage.cache_read_tokens, event.usage.cache_write_tokens) == (100, 20)


OTHER_APIS = [
    ("embeddings", bodies.EMBEDDINGS, lambda c: c.embeddings.create(model="m", input="x"), (20, 0), {}),
    (
        "completions",
        bodies.CHAT | {"object": "text_completion", "choices": []},
        lambda c: c.completions.create(model="m", prompt="x"),
        (1000, 200),
        {},
    ),
    (
        "images",
        {"created": 1, "data": [{"b64_json": "x"}], "usage": {"input_tokens": 9, "output_tokens": 100}},
        lambda c: c.images.generate(model="gpt-image-1", prompt="x"),
        (9, 100),
        {"output_image_tokens": 100},
    ),
    (
        "images",
        {"created": 1, "data": [{"url": "x"}, {"url": "y"}]},
        lambda c: c.images.generate(model="dall-e-3", prompt="x", n=2),
        (None, None),
        {"units": {"images": Decimal(2)}},
    ),
    (
        "transcriptions",
        {"text": "t", "usage": {"type": "duration", "seconds": 12.5}},
        lambda c: c.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"x")),
        (None, None),
        {"units": {"seconds": Decimal("12.5")}},
    ),
    (
        "transcriptions",
        {
            "text": "t",
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"audio_tokens": 14, "text_tokens": 0},
                "output_tokens": 3,
                "total_tokens": 17,
            },
        },
        lambda c: c.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"x")),
        (14, 3),
        {"input_audio_tokens": 14},
    ),
    (
        "speech",
        Reply(content=b"RIFF"),
        lambda c: c.audio.speech.create(model="tts-1", voice="alloy", input="four"),
        (None, None),
        {"units": {"characters": Decimal(4)}},
    ),
    pytest.param(
        "responses.compact",
        {
            "id": "resp_2",
            "object": "response.compaction",
            "created_at": 1,
            "output": [],
            "usage": bodies.RESPONSE["usage"],
        },
        lambda c: c.responses.compact(model="gpt-4o-mini", input="x"),
        (300, 40),
        {},
        marks=can_compact,
    ),
]


@pytest.mark.parametrize(("operation", "body", "call", "totals", "parts"), OTHER_APIS)
def test_every_other_api(connect, events, operation, body, call, totals, parts):
    client, _ = connect(openai.OpenAI, body)
    call(client)
    (event,) = events
    assert event.operation == operation
    assert (event.usage.input_tokens, event.usage.output_tokens) == totals
    for name, value in parts.items():
        assert getattr(event.usage, name) == value


def test_speech_that_comes_as_events_states_its_tokens(connect, events):
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}
    client, _ = connect(openai.OpenAI, bodies.sse({"type": "speech.audio.delta", "audio": "x"}, done))
    ask = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "four", "extra_body": {"stream_format": "sse"}}
    with client.audio.speech.with_streaming_response.create(**ask) as response:
        assert len(list(response.iter_lines())) == 4
    (event,) = events
    usage = event.usage
    assert (usage.input_tokens, usage.output_tokens, usage.output_audio_tokens, usage.units) == (14, 101, 101, {})
    assert event.cost_usd == Decimal("0.0012204")


def test_what_is_no_model_call_is_not_recorded(connect, events):
    client, _ = connect(openai.OpenAI, {"object": "list", "data": []})
    client.models.list()
    client.moderations.create(input="x")
    assert events == []


SHAPES = [
    # xAI: completion_tokens leave reasoning out, as the total shows; its bill comes in ticks of 1e-10 dollars.
    (
        "https://api.x.ai/v1",
        {"usage__total_tokens": 1250, "usage__cost_in_usd_ticks": 1_330_500},
        ("xai", 250, Decimal("0.00013305")),
    ),
    ("https://openrouter.ai/api/v1", {"usage__cost": 0.00219855}, ("openrouter", 200, Decimal("0.00219855"))),
    (
        "https://api.perplexity.ai",
        {"usage__cost": {"request_cost": 0.005, "total_cost": 0.00502}, "usage__search_context_size": "high"},
        ("perplexity", 200, Decimal("0.00502")),
    ),
    ("https://api.groq.com/openai/v1", {}, ("groq", 200, None)),
    ("https://x.openai.azure.com/openai/v1", {}, ("azure", 200, None)),
    ("https://gateway.example.com/v1", {}, ("openai", 200, None)),
    ("http://localhost:11434/v1", {}, ("ollama", 200, None)),
]


@pytest.mark.parametrize(("base_url", "changes", "expected"), SHAPES)
def test_the_address_tells_the_provider(connect, events, base_url, changes, expected):
    client, _ = connect(openai.OpenAI, bodies.but(bodies.CHAT, **changes), base_url=base_url)
    client.chat.completions.create(model="m", messages=HI)
    (event,) = events
    assert (event.provider, event.usage.output_tokens, event.usage.reported_cost_usd) == expected
    if expected[0] == "perplexity":
        assert event.usage.tools == {"request_fee:high": 1}
        assert event.usage.units == {"request_fee_usd": Decimal("0.005")}


YUAN = [
    (openai.OpenAI, {"base_url": "https://dashscope.aliyuncs.com/compatible-mode/v1"}, "dashscope_cn", "qwen-max"),
    (openai.OpenAI, {"base_url": "https://api.moonshot.cn/v1"}, "moonshot_cn", "kimi-k2-0905-preview"),
    (openai.OpenAI, {"base_url": "https://open.bigmodel.cn/api/paas/v4"}, "zai_cn", "glm-4.6"),
    (openai.OpenAI, {"base_url": "https://api.minimaxi.com/v1"}, "minimax_cn", "MiniMax-M2"),
    (
        openai.AzureOpenAI,
        {"azure_endpoint": "https://x.openai.azure.cn", "api_version": "2024-10-21"},
        "azure_cn",
        "gpt-4o-mini",
    ),
]


@pytest.mark.parametrize(("cls", "options", "provider", "model"), YUAN)
def test_who_bills_in_another_currency_has_no_price_in_dollars(connect, events, cls, options, provider, model):
    client, _ = connect(cls, bodies.but(bodies.CHAT, model=model), **options)
    client.chat.completions.create(model=model, messages=HI)
    assert (events[0].provider, events[0].cost_usd, events[0].unpriced) == (provider, None, "other_currency")


@pytest.mark.parametrize(
    ("deployment", "cost"),
    [
        ("gpt-4-1106-preview", Decimal("0.016")),
        ("gpt-4", Decimal("0.042")),
        ("mine", None),
    ],
)
def test_a_deployment_says_more_than_the_family_that_azure_answers(connect, events, deployment, cost):
    options = {"azure_endpoint": "https://x.openai.azure.com", "api_version": "2024-02-01"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
    client, _ = connect(openai.AzureOpenAI, bodies.but(bodies.CHAT, model="gpt-4") | {"usage": usage}, **options)
    client.chat.completions.create(model=deployment, messages=HI)
    assert events[0].cost_usd == cost


def test_azure_deployments_are_azure_whatever_the_address(connect, events):
    options = {"azure_endpoint": "https://gateway.example.com", "api_version": "2024-10-21", "azure_deployment": "mine"}
    client, wire = connect(openai.AzureOpenAI, chat_server, **options)
    client.chat.completions.create(model="mine", messages=HI)
    assert (events[0].provider, events[0].requested_model) == ("azure", "mine")
    list(client.chat.completions.create(model="mine", messages=HI, stream=True))
    assert wire.sent["stream_options"] == {"include_usage": True}


def test_an_azure_too_old_for_stream_options_is_not_asked(connect, events):
    client, wire = connect(
        openai.AzureOpenAI, chat_server, azure_endpoint="https://x.example.com", api_version="2023-05-15"
    )
    list(client.chat.completions.create(model="m", messages=HI, stream=True))
    assert "stream_options" not in wire.sent
    assert events[0].usage.absent


def test_a_named_provider_wins(connect, events):
    client, _ = connect(openai.OpenAI, bodies.CHAT, wrap=False)
    tb.wrap(client, provider="groq")
    client.chat.completions.create(model="m", messages=HI)
    client.with_options(timeout=1).chat.completions.create(model="m", messages=HI)
    assert [event.provider for event in events] == ["groq", "groq"]


def test_contradictory_usage_is_clamped_and_marked(connect, events):
    client, _ = connect(openai.OpenAI, bodies.but(bodies.CHAT, usage__prompt_tokens=100))
    client.chat.completions.create(model="m", messages=HI)
    assert events[0].usage.cache_read_tokens == 100
    assert events[0].warnings == (
        "total_tokens 1200 != input_tokens 100 + output_tokens 200",
        "cache_read_tokens 400 > input_tokens 100",
    )


def test_a_failed_parse_was_paid_for(connect, events):
    class Answer(pydantic.BaseModel):
        n: int

    client, _ = connect(openai.OpenAI, bodies.CHAT)
    with pytest.raises(pydantic.ValidationError):
        helpers(client).parse(model="gpt-4o-mini", messages=HI, response_format=Answer)
    (event,) = events
    assert (event.status, event.error_type, event.cost_usd) == ("error", "ValidationError", Decimal("0.00024"))


@pytest.mark.filterwarnings("ignore:Pydantic serializer:UserWarning")  # a tool that old versions do not know
def test_parse_records_once(connect, events):
    class Answer(pydantic.BaseModel):
        n: int

    client, _ = connect(openai.OpenAI, bodies.RESPONSE)
    assert client.responses.parse(model="gpt-4.1", input="x", text_format=Answer).output_parsed == Answer(n=1)
    assert len(events) == 1


def test_background_responses_are_recorded_when_they_are_fetched_once(connect, events):
    queued = bodies.but(bodies.RESPONSE, id="resp_bg", status="queued", background=True, usage=None, output=[])
    done = bodies.but(bodies.RESPONSE, id="resp_bg", background=True)
    client, _ = connect(openai.OpenAI, queued, queued, done)
    client.responses.create(model="gpt-4.1", input="x", extra_body={"background": True})
    assert events == []
    for _ in range(3):
        client.responses.retrieve("resp_bg")
    (event,) = events
    assert event.usage.input_tokens == 300
    assert event.occurred_at.timestamp() == 1_790_000_000
    assert event.latency_ms is None


def test_a_fetched_foreground_response_is_not_recorded_again(connect, events):
    client, _ = connect(openai.OpenAI, bodies.RESPONSE)
    client.responses.retrieve("resp_1")
    assert events == []


def test_batch_results_are_one_event_a_line_however_often_they_are_read(connect, events):
    lines = [
        {"id": f"b{n}", "custom_id": str(n), "response": {"status_code": 200, "body": bodies.CHAT | {"id": f"c{n}"}}}
        for n in range(2)
    ]
    lines.append({"id": "b9", "custom_id": "9", "response": {"status_code": 400, "body": {}}, "error": None})
    content = "\n".join(map(json.dumps, lines)).encode()
    client, _ = connect(openai.OpenAI, Reply(content=content))
    assert client.files.content("file-1").content == content
    client.files.content("file-1")
    assert [(e.batch, e.response_id, e.usage.input_tokens) for e in events] == [(True, "c0", 1000), (True, "c1", 1000)]
    assert events[0].cost_usd == Decimal("0.00012")  # batches cost half
    assert len({e.id for e in events}) == 2


def test_batch_results_may_be_read_as_they_come(connect, events):
    lines = [
        {"id": f"b{n}", "custom_id": str(n), "response": {"status_code": 200, "body": bodies.CHAT | {"id": f"d{n}"}}}
        for n in range(2)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    client, _ = connect(openai.OpenAI, [content[:50], content[50:400], content[400:]])
    with client.files.with_streaming_response.content("file-1") as response:
        assert response.read() == content
    assert [event.response_id for event in events] == ["d0", "d1"]

    async def read():
        for event in lines:
            event["response"]["body"]["id"] += "-async"
        client, _ = connect(openai.AsyncOpenAI, ["\n".join(map(json.dumps, lines)).encode(), b"\n"])
        async with client.files.with_streaming_response.content("file-1") as response:
            async for _ in response.iter_lines():
                pass

    asyncio.run(read())
    assert [event.response_id for event in events] == ["d0", "d1", "d0-async", "d1-async"]


def test_images_of_a_batch_are_recorded(connect, events):
    body = {"created": 1_790_000_000, "data": [{"b64_json": "x"}], "usage": {"input_tokens": 9, "output_tokens": 400}}
    line = {"id": "b_image", "custom_id": "1", "response": {"status_code": 200, "body": body}}
    content = b"\n" + json.dumps(line).encode()
    client, _ = connect(openai.OpenAI, Reply(content=content))
    client.files.content("file-1")
    (event,) = events
    assert (event.operation, event.batch, event.usage.output_image_tokens) == ("images", True, 400)


def test_other_files_are_left_alone(connect, events):
    for content in (b"", b"a,b\n1,2", b'{"messages": []}\n', b'{"not json', b"\x89PNG\n{}"):
        client, _ = connect(openai.OpenAI, Reply(content=content))
        assert client.files.content("file-1").content == content
    assert events == []


def test_every_image_is_recorded_whatever_it_is_painted_on(connect, events):
    usage = {"input_tokens": 9, "output_tokens": 400, "total_tokens": 409}
    body = {"created": 1, "background": "opaque", "data": [{"b64_json": "x"}], "usage": usage}
    client, _ = connect(openai.OpenAI, body)
    for _ in range(2):
        client.images.generate(model="gpt-image-1", prompt="x")
    assert [event.usage.output_tokens for event in events] == [400, 400]


@pytest.mark.parametrize("stream", [False, True])
def test_chat_models_made_for_search_cost_their_search(connect, events, stream):
    model = "gpt-4o-mini-search-preview-2025-03-11"
    chunks = [chunk | {"model": model} for chunk in [*bodies.CHAT_CHUNKS, bodies.CHAT_USAGE_CHUNK]]
    client, _ = connect(openai.OpenAI, bodies.sse(*chunks, "[DONE]") if stream else bodies.CHAT | {"model": model})
    answer = client.chat.completions.create(model="gpt-4o-mini-search-preview", messages=HI, stream=stream)
    if stream:
        list(answer)
    (event,) = events
    assert event.usage.tools == {"web_search": 1}
    assert event.cost_usd == Decimal("0.00024") + Decimal("0.025")  # $25 for 1,000 searches


def test_a_search_that_failed_costs_nothing(connect, events):
    client, _ = connect(openai.OpenAI, Reply(500, json={"error": {"message": "no"}}), max_retries=0)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt-4o-search-preview", messages=HI)
    assert (events[0].usage.tools, events[0].cost_usd) == ({}, None)
