import asyncio
import json
from base64 import b64encode
from decimal import Decimal

import anthropic
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.local_server import aws_event
from tests.integration.capture.wire import Body, Reply, Wire, client_of

ASK = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


def test_a_message_is_recorded_to_the_last_digit(claude, events):
    client, _ = claude
    client.messages.create(**ASK)
    (event,) = events
    usage = event.usage
    assert (event.provider, event.operation, event.service_tier, event.region) == (
        "anthropic",
        "messages",
        "standard",
        "us",
    )
    assert usage.input_tokens == 10 + 300 + 2000  # ours has what was read from and written to the cache
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (2000, 300)
    assert (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) == (100, 200)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.tools) == (90, 30, {"web_search": 2})
    tokens = 10 * 3 + 2000 * Decimal("0.3") + 100 * Decimal("3.75") + 200 * 6 + 90 * 15
    assert event.cost_usd == tokens / 1_000_000 + 2 * Decimal("0.01")


def test_streams_say_the_same(claude, connect, events):
    client, _ = claude
    client.messages.create(**ASK)
    for _ in client.messages.create(**ASK, stream=True):
        pass
    with client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == "Hello there."
        assert stream.get_final_message().usage.output_tokens == 90

    async def read():
        async_client, _ = connect(anthropic.AsyncAnthropic, bodies.MESSAGE_STREAM)
        async with async_client.messages.stream(**ASK) as stream:
            return await stream.get_final_text()

    assert asyncio.run(read()) == "Hello there."
    first, *others = [(e.usage, e.model, e.cost_usd, e.status, e.measured, e.region) for e in events]
    assert others == [first] * 3
    assert events[1].time_to_first_token_ms < events[1].latency_ms


def test_writes_without_a_split_are_five_minute_writes(connect, events):
    body = bodies.but(bodies.MESSAGE, usage__cache_creation=None)
    client, _ = connect(anthropic.Anthropic, body)
    client.messages.create(**ASK)
    assert events[0].usage.cache_write_5m_tokens == 300


COUNTS = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
PASSES = [
    (
        [
            {
                "type": "compaction",
                "input_tokens": 100,
                "output_tokens": 131,
                **COUNTS,
                "cache_creation_input_tokens": 50,
            },
            {"type": "message", "input_tokens": 10, "output_tokens": 90, **COUNTS},
        ],
        [(None, "message", 2310, 90), (None, "compaction", 150, 131)],
    ),
    (
        [
            {"type": "message", "input_tokens": 10, "output_tokens": 40, **COUNTS},
            {"type": "advisor_message", "input_tokens": 700, "output_tokens": 70, "model": "claude-opus-4-1", **COUNTS},
        ],
        [(None, "message", 2310, 90), ("claude-opus-4-1", "advisor_message", 700, 70)],
    ),
    # A declined attempt is a message entry that nobody pays for: the top-level usage is the bill.
    (
        [
            {"type": "message", "input_tokens": 10, "output_tokens": 1, **COUNTS},
            {"type": "fallback_message", "input_tokens": 10, "output_tokens": 90, "model": "m", **COUNTS},
        ],
        [],
    ),
]


@pytest.mark.parametrize(("iterations", "expected"), PASSES)
def test_passes_beside_the_top_level_usage(connect, events, iterations, expected):
    client, _ = connect(anthropic.Anthropic, bodies.but(bodies.MESSAGE, usage__iterations=iterations))
    client.beta.messages.create(**ASK)
    usage = events[0].usage
    assert [(p.model, p.kind, p.usage.input_tokens, p.usage.output_tokens) for p in usage.passes] == expected
    if expected:
        assert usage.input_tokens == sum(row[2] for row in expected)
        assert usage.output_tokens == sum(row[3] for row in expected)
    else:
        assert (usage.input_tokens, usage.output_tokens) == (2310, 90)


def _bedrock(http):
    keys = {"aws_access_key": "unused", "aws_secret_key": "unused"}
    return anthropic.AnthropicBedrock(aws_region="eu-west-1", **keys, http_client=http)


def _vertex(http):
    return anthropic.AnthropicVertex(region="us-east5", project_id="p", access_token="t", http_client=http)


def _foundry(http):
    return anthropic.AnthropicFoundry(resource="r", api_key="unused", http_client=http)


@pytest.mark.parametrize(
    ("make", "provider", "region"),
    [(_bedrock, "bedrock", "eu-west-1"), (_vertex, "vertex", "us-east5"), (_foundry, "azure", None)],
)
def test_platforms(events, make, provider, region):
    body = bodies.but(bodies.MESSAGE, usage__inference_geo=None)
    client = tb.wrap(make(client_of(anthropic, Wire(body))))
    client.messages.create(**ASK)
    client.messages.with_raw_response.create(**ASK)
    assert [(e.provider, e.region, e.usage.input_tokens) for e in events] == [(provider, region, 2310)] * 2
    assert events[0].requested_model == "claude-sonnet-4-5"


def _aws_stream():
    """Return Anthropic's events as Bedrock sends them, cut into pieces that know nothing of messages."""
    datas = [block.split(b"data: ")[1].strip() for block in bodies.MESSAGE_STREAM]
    messages = b"".join(aws_event("chunk", {"bytes": b64encode(data).decode()}) for data in datas)
    odd = aws_event("initial-response", {})
    return [(odd + messages)[at : at + 50] for at in range(0, len(odd + messages), 50)]


@pytest.mark.parametrize("way", ["parsed", "raw", "read along"])
def test_streams_of_bedrock(events, way):
    content = Body(_aws_stream())
    wire = Wire(Reply(content=content, headers={"content-type": "application/vnd.amazon.eventstream"}))
    messages = tb.wrap(_bedrock(client_of(anthropic, wire))).messages
    if way == "parsed":
        assert len(list(messages.create(**ASK, stream=True))) == len(bodies.MESSAGE_STREAM)
    elif way == "raw":
        raw = messages.with_raw_response.create(**ASK, stream=True)
        assert len(list(raw.parse())) == len(bodies.MESSAGE_STREAM)
    else:
        with messages.with_streaming_response.create(**ASK, stream=True) as response:
            assert b"".join(response.iter_bytes()) == b"".join(_aws_stream())
    (event,) = events
    assert (event.provider, event.status, event.measured) == ("bedrock", "ok", "exact")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.cache_write_1h_tokens) == (2310, 90, 200)


def test_a_raw_stream_of_bedrock_that_is_left_is_recorded_as_aborted(events):
    wire = Wire(Reply(content=Body(_aws_stream()), headers={"content-type": "application/vnd.amazon.eventstream"}))
    messages = tb.wrap(_bedrock(client_of(anthropic, wire))).messages
    with messages.with_streaming_response.create(**ASK, stream=True) as response:
        for count, _ in enumerate(response.iter_bytes()):
            if count == len(_aws_stream()) // 2:
                break
    (event,) = events
    assert (event.status, event.measured, event.usage.input_tokens) == ("aborted", "estimated", 2310)


def test_counting_tokens_is_no_model_call(connect, events):
    client, _ = connect(anthropic.Anthropic, {"input_tokens": 5})
    client.messages.count_tokens(model="m", messages=ASK["messages"])
    assert events == []


def _batch_server(request):
    if request.url.path.endswith("/results"):
        lines = [
            {"custom_id": "1", "result": {"type": "succeeded", "message": bodies.MESSAGE | {"id": "msg_b1"}}},
            {"custom_id": "2", "result": {"type": "errored", "error": {"type": "error"}}},
        ]
        content = "\n".join(map(json.dumps, lines)).encode()
        return Reply(headers={"content-type": "application/x-jsonl"}, content=content)
    return {
        "id": "msgbatch_results",
        "type": "message_batch",
        "processing_status": "ended",
        "created_at": "2026-10-01T12:00:00Z",
        "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_results/results",
    }


def test_batch_results(connect, events):
    client, _ = connect(anthropic.Anthropic, _batch_server)
    for _ in range(2):
        assert [line.custom_id for line in client.messages.batches.results("msgbatch_results")] == ["1", "2"]
    (event,) = events
    assert (event.batch, event.usage.input_tokens) == (True, 2310)
    assert event.occurred_at.isoformat() == "2026-10-01T12:00:00+00:00"
