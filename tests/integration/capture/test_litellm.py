"""LiteLLM, observed from outside; the clients it uses inside are observed as well."""

import asyncio
import importlib
import inspect
import json
import os
from decimal import Decimal

import httpx
import openai
import pytest

import tokenbudget as tb
from tests.integration.capture import bodies, provider_bodies
from tests.integration.capture.local_server import Answer, running
from tokenbudget.diagnostics import unmeasured

# What pydantic thinks of LiteLLM's types is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic"),
    # Nor what its workers leave behind when a loop ends.
    pytest.mark.filterwarnings("ignore:coroutine 'LoggingWorker:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def litellm():
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    return tb.wrap(litellm)


@pytest.fixture
def server():
    with running() as local:
        yield local


def arguments(server, **more):
    return {"model": "openai/gpt-4o-mini", "messages": HI, "api_key": "unused", "api_base": server.url} | more


def is_whole(event):
    assert (event.provider, event.requested_model, event.status) == ("openai", "gpt-4o-mini", "ok")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.cache_read_tokens) == (1000, 200, 400)


def test_a_completion_is_recorded_once_though_openai_is_observed_as_well(litellm, server, events):
    tb.patch()
    server.answer(bodies.CHAT)
    litellm.completion(**arguments(server))
    asyncio.run(litellm.acompletion(**arguments(server)))
    tb.unpatch()
    assert len(events) == 2
    for event in events:
        is_whole(event)


JUDGE = "gpt-4.1-nano"


@pytest.fixture(params=["openai", "openai, everything observed", "litellm"])
def judge(litellm, server, request):
    """Return what a callback asks a model with, plainly or asynchronously."""
    if request.param == "litellm":
        asked = arguments(server, model=f"openai/{JUDGE}")
        yield lambda: litellm.completion(**asked), lambda: litellm.acompletion(**asked)
        return
    asked = {"model": JUDGE, "messages": HI}
    client = tb.wrap(openai.OpenAI(api_key="unused", base_url=server.url))
    aclient = tb.wrap(openai.AsyncOpenAI(api_key="unused", base_url=server.url))
    if "everything" in request.param:
        tb.patch()
    yield (
        lambda: client.chat.completions.create(**asked),
        lambda: aclient.chat.completions.create(**asked),
    )
    tb.unpatch()


@pytest.fixture
def logger(litellm, judge):
    """Have a callback of LiteLLM's judge Ann's calls, before they are made and after they were answered."""
    from litellm.integrations.custom_logger import CustomLogger

    plain, asynchronous = judge

    class Judge(CustomLogger):
        def __init__(self):
            self.judged = asyncio.Event()

        def log_pre_api_call(self, model, messages, kwargs):
            if kwargs["optional_params"].get("user") == "ann":
                plain()

        async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
            if kwargs["optional_params"].get("user") == "ann":
                await asynchronous()
                self.judged.set()

    litellm.callbacks = [Judge()]
    yield litellm.callbacks[0]
    litellm.logging_callback_manager._reset_all_callbacks()


def test_a_judge_in_a_callback_is_a_call_of_its_own(litellm, server, events, logger):
    async def main():
        await litellm.acompletion(**arguments(server, user="ann"))
        await logger.judged.wait()

    server.answer(bodies.CHAT)
    litellm.completion(**arguments(server, user="ann"))
    assert [event.requested_model for event in events] == [JUDGE, "gpt-4o-mini"]
    asyncio.run(main())
    assert sorted(event.requested_model for event in events[2:]) == [JUDGE, JUDGE, "gpt-4o-mini"]


def test_each_round_of_a_loop_that_litellm_runs_is_a_call(litellm, server, events):
    """It asks again with what the model wanted to have looked up, and gives the last answer."""
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.types.integrations.custom_logger import AgenticLoopPlan, AgenticLoopRequestPatch

    class Loop(CustomLogger):
        async def async_should_run_agentic_loop(self, response, kwargs, **_):
            return not kwargs.get("_agentic_loop_depth") and response.id == "chatcmpl-first", {"tool_calls": []}

        async def async_build_agentic_loop_plan(self, **_):
            patch = AgenticLoopRequestPatch(messages=HI)
            return AgenticLoopPlan(run_agentic_loop=True, request_patch=patch)

    litellm.callbacks = [Loop()]
    server.answers = [Answer(bodies.CHAT | {"id": "chatcmpl-first"}), Answer(bodies.CHAT | {"id": "chatcmpl-last"})]
    answer = asyncio.run(litellm.acompletion(**arguments(server)))
    litellm.logging_callback_manager._reset_all_callbacks()
    assert (answer.id, len(server.requests)) == ("chatcmpl-last", 2)
    last, first = events
    is_whole(last)
    # LiteLLM shows the first answer to nobody.
    assert (last.response_id, first.status, first.cost_usd, first.usage.absent) == ("chatcmpl-last", "ok", None, True)


def test_a_stream_says_its_usage_to_us_and_not_to_the_caller(litellm, server, events):
    server.answer(bodies.CHAT_STREAM_WITH_USAGE)
    stream = litellm.completion(**arguments(server, stream=True))
    assert isinstance(stream, litellm.CustomStreamWrapper)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello there."
    assert server.requests[0][1]["stream_options"] == {"include_usage": True}

    async def read():
        return [chunk async for chunk in await litellm.acompletion(**arguments(server, stream=True))]

    assert not any(getattr(chunk, "usage", None) for chunk in asyncio.run(read()))
    assert len(events) == 2
    for event in events:
        is_whole(event)


def test_a_test_tool_gets_the_request_that_would_have_been_made(litellm, monkeypatch, events):
    sent = []

    def handle_request(transport, request):
        sent.append(json.loads(request.read()))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(bodies.CHAT_STREAM))

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle_request)
    ask = {"model": "openai/gpt-4o-mini", "messages": HI, "api_key": "unused", "api_base": "http://llm.example.com/v1"}
    stream = litellm.completion(**ask, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Hello there."
    assert "stream_options" not in sent[0]


def test_a_stream_left_early_is_recorded_as_aborted(litellm, server, events):
    server.answer(bodies.CHAT_STREAM_WITH_USAGE)
    stream = litellm.completion(**arguments(server, stream=True))
    next(chunk for chunk in stream if chunk.choices[0].delta.content)
    stream.__dict__["_tokenbudget_items"].settle(every=True)
    assert (events[0].status, events[0].measured) == ("aborted", "estimated")


def test_anthropic_cache_writes_keep_their_lifetimes(litellm, server, events):
    server.answer(bodies.MESSAGE)
    litellm.completion(**arguments(server, model="anthropic/claude-sonnet-4-5-20250929"))
    (event,) = events
    assert (event.provider, event.usage.input_tokens, event.usage.cache_write_1h_tokens) == ("anthropic", 2310, 200)


def test_mocked_answers_cost_nothing(litellm, server, events):
    litellm.completion(**arguments(server, mock_response="Hello."))
    assert events == []


def test_an_error_is_recorded_and_not_charged(litellm, server, events):
    server.answer({"error": {"message": "no"}}, status=400)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**arguments(server))
    (event,) = events
    assert (event.status, event.error_type, event.cost_usd) == ("error", "BadRequestError", None)


def test_responses_and_their_streams(litellm, server, events):
    ask = {"model": "openai/gpt-4.1", "input": "x", "api_key": "unused", "api_base": server.url}

    async def asking():
        server.answer(bodies.RESPONSE)
        await litellm.aresponses(**ask)
        server.answer(bodies.RESPONSE_STREAM)
        return [item.type async for item in await litellm.aresponses(**ask, stream=True)]

    server.answer(bodies.RESPONSE)
    assert litellm.responses(**ask).usage.input_tokens == 300
    server.answer(bodies.RESPONSE_STREAM)
    assert [item.type for item in litellm.responses(**ask, stream=True)] == asyncio.run(asking())
    tools = {"web_search": 1, "code_interpreter": 1}
    costs = {event.cost_usd for event in events}
    assert [(e.status, e.usage.input_tokens, e.usage.output_tokens, e.usage.tools) for e in events] == [
        ("ok", 300, 40, tools)
    ] * 4
    assert len(costs) == 1  # what LiteLLM thinks that a stream costs is no bill


def image(**usage):
    return {"created": 1, "data": [{"b64_json": "x"}]} | ({"usage": usage} if usage else {})


SPLIT = ("text_tokens", "image_tokens")
OTHERS = [
    ("image_generation", image(input_tokens=9, output_tokens=100, total_tokens=109), {"prompt": "x"}, 9, {}),
    ("image_generation", image(), {"prompt": "x", "model": "openai/dall-e-3"}, None, {"images": 1}),
    (
        "transcription",
        {"text": "t", "usage": {"type": "duration", "seconds": 4}},
        {"file": ("a", b"x")},
        None,
        {"seconds": 4},
    ),
    ("speech", {"sound": 1}, {"input": "four", "voice": "alloy", "model": "openai/tts-1"}, None, {"characters": 4}),
    ("embedding", bodies.EMBEDDINGS, {"input": ["x"]}, 20, {}),
    (
        "rerank",
        {"id": "r", "results": [], "meta": {"billed_units": {"search_units": 2}}},
        {"query": "x", "documents": ["a"], "model": "cohere/rerank-v3.5"},
        None,
        {"search_units": 2},
    ),
    (
        "image_edit",
        image(
            input_tokens=9,
            output_tokens=100,
            total_tokens=109,
            input_tokens_details={"text_tokens": 4, "image_tokens": 5},
        ),
        {"prompt": "x", "image": b"x", "model": "openai/gpt-image-1"},
        9,
        {},
    ),
    ("image_variation", image(), {"image": ("a.png", b"x"), "model": "openai/dall-e-2"}, None, {"images": 1}),
    ("compact_responses", bodies.RESPONSE, {"input": "x", "model": "openai/gpt-4.1"}, 300, {}),
    (
        "ocr",
        {"pages": [], "model": "mistral-ocr-2505", "usage_info": {"pages_processed": 3}},
        {"document": {"type": "document_url", "document_url": "u"}, "model": "mistral/mistral-ocr-latest"},
        None,
        {"pages": 3},
    ),
]


@pytest.mark.parametrize(("name", "answer", "asked", "tokens", "units"), OTHERS)
def test_other_functions(litellm, server, events, name, answer, asked, tokens, units):
    server.answer(answer)
    ask = {"model": "openai/some-model", "api_key": "unused", "api_base": server.url} | asked
    getattr(litellm, name)(**ask)
    asyncio.run(getattr(litellm, f"a{name}")(**ask))
    assert [(e.status, e.usage.input_tokens, e.usage.units) for e in events] == [("ok", tokens, units)] * 2
    assert all(event.cost_usd for event in events if event.requested_model != "some-model")


def test_the_model_is_found_wherever_it_stands(litellm, server, events):
    server.answer(bodies.CHAT | {"object": "text_completion", "choices": []})
    litellm.text_completion("x", "openai/gpt-4o-mini", api_key="unused", api_base=server.url)
    assert events[0].requested_model == "gpt-4o-mini"


def test_what_is_retried_by_litellm_is_one_call(litellm, server, events):
    failed = Answer({"error": {"message": "later"}}, 500)
    ask = arguments(server, max_retries=0)
    for call in (
        lambda: litellm.completion(**ask, num_retries=2),
        lambda: litellm.completion(**ask | {"max_retries": 1}),
        lambda: litellm.completion_with_retries(**ask, num_retries=2),
        lambda: asyncio.run(litellm.acompletion(**ask, num_retries=2)),
        lambda: asyncio.run(litellm.acompletion_with_retries(**ask, num_retries=2)),
    ):
        server.answers = [failed, Answer(bodies.CHAT)]
        call()
    assert [event.attempts for event in events] == [2] * 5
    for event in events:
        is_whole(event)


def test_each_model_that_is_fallen_back_to_is_a_call_of_its_own(litellm, server, events):
    ask = arguments(server, fallbacks=["anthropic/claude-sonnet-4-5-20250929"], max_retries=0)

    async def stream():
        return [chunk async for chunk in await litellm.acompletion(**ask, stream=True)]

    for answer, call in (
        (bodies.MESSAGE, lambda: litellm.completion(**ask)),
        (bodies.MESSAGE, lambda: asyncio.run(litellm.acompletion(**ask))),
        (bodies.MESSAGE_STREAM, lambda: asyncio.run(stream())),
    ):
        server.answers = [Answer({"error": {"message": "no"}}, 400), Answer(answer)]
        call()
        refused, answered = events[-2:]
        assert (refused.provider, refused.requested_model, refused.status) == ("openai", "gpt-4o-mini", "error")
        assert (answered.provider, answered.requested_model) == ("anthropic", "claude-sonnet-4-5-20250929")
        assert (answered.status, answered.usage.input_tokens, answered.cost_usd) == ("ok", 2310, PRICE_OF_MESSAGE)
    assert len(events) == 6


def test_the_model_with_more_context_is_the_one_that_is_billed(litellm, server, events):
    too_long = {
        "error": {"message": "This model's maximum context length is 9 tokens.", "code": "context_length_exceeded"}
    }
    other = {"openai/gpt-4o-mini": "mistral/mistral-small-latest"}
    ask = arguments(server, context_window_fallback_dict=other, max_retries=0)
    server.answers = [Answer(too_long, 400), Answer(bodies.CHAT | {"model": "mistral-small-latest"})]
    litellm.completion(**ask)
    server.answer(bodies.CHAT)
    litellm.completion(**ask)
    assert [(e.provider, e.requested_model) for e in events] == [
        ("mistral", "mistral-small-latest"),
        ("openai", "gpt-4o-mini"),
    ]


def test_what_litellm_thinks_that_a_stream_costs_is_no_bill(litellm, server, events):
    server.answer(bodies.CHAT_STREAM_WITH_USAGE)
    list(litellm.completion(**arguments(server, stream=True)))
    assert [event.usage.reported_cost_usd for event in events] == [None]


BILLS = [
    ("openrouter/openai/gpt-4o-mini", {"usage__cost": 0.0125}, "0.0125"),
    ("perplexity/sonar", {"usage__cost": {"request_cost": 0.005, "total_cost": 0.008}}, "0.008"),
    ("xai/grok-4", {"usage__cost_in_usd_ticks": 37_756_000}, "0.0037756"),
]


@pytest.mark.parametrize(("model", "bill", "dollars"), BILLS)
def test_a_providers_own_bill_of_a_stream_counts(litellm, server, events, model, bill, dollars):
    server.answer(bodies.sse(*bodies.CHAT_CHUNKS, bodies.but(bodies.CHAT_USAGE_CHUNK, **bill), "[DONE]"))
    list(litellm.completion(**arguments(server, model=model, stream=True)))
    assert (events[0].usage.reported_cost_usd, events[0].cost_usd) == (Decimal(dollars), Decimal(dollars))


ON_BEDROCK = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE = {"model": "anthropic/claude-sonnet-4-5-20250929", "messages": HI, "max_tokens": 9}
GEMINI = {"model": "gemini/gemini-3-flash-preview"}
PRICE_OF_MESSAGE = Decimal("0.023555")


def own_apis(litellm):
    """Return API -> call, call and stream, answers, provider, fields of the usage."""
    gemini = GEMINI | {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    google = importlib.import_module("litellm.google_genai")
    return {
        "messages": (
            lambda **more: litellm.anthropic_messages(**CLAUDE, **more),
            lambda **more: litellm.anthropic.messages.acreate(**CLAUDE, **more, stream=True),
            (bodies.MESSAGE, bodies.MESSAGE_STREAM),
            "anthropic",
            {"input_tokens": 2310, "output_tokens": 90, "cache_write_1h_tokens": 200, "tools": {"web_search": 2}},
        ),
        "generate": (
            lambda **more: google.generate_content(**gemini, **more),
            lambda **more: google.generate_content_stream(**gemini, **more),
            (provider_bodies.GEMINI, provider_bodies.GEMINI_STREAM),
            "google",
            provider_bodies.GEMINI_FIELDS,
        ),
        "agenerate": (
            lambda **more: google.agenerate_content(**gemini, **more),
            lambda **more: google.agenerate_content_stream(**gemini, **more),
            (provider_bodies.GEMINI, provider_bodies.GEMINI_STREAM),
            "google",
            provider_bodies.GEMINI_FIELDS,
        ),
        "interactions": (
            lambda **more: litellm.interactions.create(**GEMINI, input="hi", **more),
            lambda **more: litellm.interactions.create(**GEMINI, input="hi", **more, stream=True),
            (provider_bodies.INTERACTION, provider_bodies.INTERACTION_STREAM),
            "google",
            provider_bodies.INTERACTION_FIELDS,
        ),
        "ainteractions": (
            lambda **more: litellm.interactions.acreate(**GEMINI, input="hi", **more),
            lambda **more: litellm.interactions.acreate(**GEMINI, input="hi", **more, stream=True),
            (provider_bodies.INTERACTION, provider_bodies.INTERACTION_STREAM),
            "google",
            provider_bodies.INTERACTION_FIELDS,
        ),
    }


async def whole(result):
    """Wait for a result, and go through it if it is a stream."""
    result = await result if inspect.isawaitable(result) else result
    if hasattr(result, "__next__") and not type(result).__name__.startswith("Async"):
        return list(result)
    return [item async for item in result] if hasattr(result, "__anext__") else result


@pytest.mark.parametrize("api", ["messages", "generate", "agenerate", "interactions", "ainteractions"])
def test_providers_own_apis(litellm, server, events, api):
    call, stream, answers, provider, usage = own_apis(litellm)[api]
    where = {"api_key": "unused", "api_base": server.url}
    for made, answer in zip((call, stream), answers, strict=True):
        server.answer(answer)
        asyncio.run(whole(made(**where)))
    assert [(event.provider, event.status, event.measured) for event in events] == [(provider, "ok", "exact")] * 2
    for event in events:
        assert {name: getattr(event.usage, name) for name in usage} == usage
        assert event.model == event.requested_model
    assert events[0].cost_usd == events[1].cost_usd is not None


def test_a_stream_of_bytes_left_early_is_recorded_as_aborted(litellm, server, events):
    async def leave():
        stream = await litellm.anthropic_messages(**CLAUDE, api_key="unused", api_base=server.url, stream=True)
        async for item in stream:
            if b"Hello" in item:
                break
        stream.__dict__["_tokenbudget_items"].settle(every=True)

    server.answer(bodies.MESSAGE_STREAM[:4])
    asyncio.run(leave())
    (event,) = events
    assert (event.status, event.measured, event.usage.input_tokens) == ("aborted", "estimated", 2310)


def test_messages_of_other_providers_are_recorded_as_what_they_are_made_of(litellm, server, events):
    ask = CLAUDE | {"model": "openai/gpt-4.1", "api_key": "unused", "api_base": server.url}
    server.answer(bodies.RESPONSE)
    asyncio.run(litellm.anthropic_messages(**ask))
    litellm.anthropic.messages.create(**ask)
    assert [(e.operation, e.provider, e.usage.input_tokens) for e in events] == [("responses", "openai", 300)] * 2


def test_a_background_response_is_recorded_when_it_is_done_and_once(litellm, server, events):
    where = {"api_key": "unused", "api_base": server.url}
    pending = bodies.RESPONSE | {"id": "resp_2", "background": True, "status": "queued", "output": [], "usage": None}
    server.answer(pending)
    started = litellm.responses(model="openai/gpt-4.1", input="x", background=True, **where)
    litellm.get_responses(response_id=started.id, **where)
    assert events == []
    server.answer(bodies.RESPONSE | {"id": "resp_2", "background": True})
    for _ in range(2):
        litellm.get_responses(response_id=started.id, **where)
        asyncio.run(litellm.aget_responses(response_id=started.id, **where))
    (event,) = events
    assert (event.provider, event.model, event.usage.input_tokens) == ("openai", "gpt-4.1-2025-04-14", 300)


def test_a_background_interaction_is_recorded_when_it_is_done_and_once(litellm, server, events):
    where = {"api_key": "unused", "api_base": server.url}
    done = provider_bodies.INTERACTION | {"id": "interaction-2"}
    server.answer({name: value for name, value in done.items() if name != "usage"} | {"status": "in_progress"})
    litellm.interactions.create(**GEMINI, input="hi", background=True, **where)
    assert events == []
    server.answer(done)
    for _ in range(2):
        litellm.interactions.get(interaction_id="interaction-2", **where)
        asyncio.run(litellm.interactions.aget(interaction_id="interaction-2", **where))
    (event,) = events
    assert (event.provider, event.model, event.usage.input_tokens) == ("google", "gemini-3-flash-preview", 310)


def test_results_of_a_batch(litellm, server, events):
    where = {"custom_llm_provider": "openai", "api_key": "unused", "api_base": server.url}
    body = {name: value for name, value in bodies.CHAT.items() if name != "created"} | {"id": "chatcmpl-batch"}
    line = {"id": "r0", "custom_id": "0", "response": {"status_code": 200, "body": body}}
    batch = {"id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "created_at": 1_790_000_000}
    batch |= {
        "status": "completed",
        "input_file_id": "f",
        "completion_window": "24h",
        "output_file_id": "file-of-it",
    }
    server.answer(batch)
    litellm.retrieve_batch(batch_id="batch_1", **where)
    server.answer([json.dumps(line).encode()], **{"content-type": "application/octet-stream"})
    litellm.file_content(file_id="file-of-it", **where)
    asyncio.run(litellm.afile_content("file-of-it", **where))
    (event,) = events
    assert (event.provider, event.batch, event.usage.input_tokens) == ("openai", True, 1000)
    assert event.occurred_at.timestamp() == batch["created_at"]


def test_a_video_is_recorded_once_when_it_is_made(litellm, server, events):
    where = {"api_key": "unused", "api_base": server.url}
    video = {"id": "video_1", "object": "video", "created_at": 1_790_000_000, "model": "sora-2", "progress": 0}
    video |= {"seconds": "8", "size": "720x1280", "status": "queued"}
    server.answer(video)
    begun = litellm.video_generation(prompt="x", model="openai/sora-2", **where)
    assert events == []
    server.answer(video | {"status": "completed"})
    litellm.video_status(video_id=begun.id, **where)
    asyncio.run(litellm.avideo_status(video_id=begun.id, **where))
    (event,) = events
    assert (event.provider, event.operation, event.model) == ("openai", "videos", "sora-2")
    assert (event.usage.units, event.cost_usd) == ({"video_seconds:720x1280": Decimal(8)}, Decimal("0.8"))


def test_what_is_not_measured_is_counted(litellm, server, events):
    unmeasured.reset()
    job = {"id": "ftjob-1", "object": "fine_tuning.job", "created_at": 1, "status": "queued", "seed": 1, "model": "m"}
    server.answer(job | {"training_file": "f", "hyperparameters": {}, "organization_id": "o", "result_files": []})
    asked = {"model": "gpt-4o-mini", "training_file": "f", "custom_llm_provider": "openai"}
    asked |= {"api_key": "unused", "api_base": server.url}
    litellm.create_fine_tuning_job(**asked)
    asyncio.run(litellm.acreate_fine_tuning_job(**asked))
    assert unmeasured.counts == {"litellm create_fine_tuning_job": 2}
    assert events == []
    unmeasured.reset()


def test_the_region_that_a_cloud_bills_by(litellm, server, events):
    keys = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused", "aws_region_name": "eu-central-1"}
    server.answer(provider_bodies.CONVERSE)
    litellm.completion(model=f"bedrock/{ON_BEDROCK}", messages=HI, api_base=server.url, **keys)
    (event,) = events
    assert (event.provider, event.model, event.region) == ("bedrock", ON_BEDROCK, "eu-central-1")


GROUNDED = {"gemini-2.5-flash": {"grounded_prompt": 1}, "gemini-3-flash-preview": {"google_search_queries": 2}}


@pytest.mark.parametrize(("model", "tools"), GROUNDED.items())
def test_searches_of_google_are_billed_as_gemini_bills_them(litellm, server, events, model, tools):
    said = {"index": 0, "content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
    searched = {"groundingMetadata": {"webSearchQueries": ["a", "b"]}}
    server.answer({"candidates": [said | searched], "modelVersion": model, "usageMetadata": usage})
    ask = {"model": f"gemini/{model}", "api_key": "unused", "api_base": server.url, "tools": [{"googleSearch": {}}]}
    litellm.completion(messages=[{"role": "user", "content": "hi"}], **ask)
    assert events[0].usage.tools == tools
