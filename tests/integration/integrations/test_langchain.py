import asyncio
import contextlib
import itertools

import httpx2
import openai
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.bodies import CHAT, CHAT_STREAM_WITH_USAGE, but
from tests.recordings.corpus import used
from tokenbudget.integrations.langchain import TokenBudgetCallbackHandler
from tokenbudget.testing import capture_events

USAGE = {
    "input_tokens": 1000,
    "output_tokens": 200,
    "total_tokens": 1200,
    "input_token_details": {"cache_read": 400, "cache_creation": 100, "ephemeral_1h_input_tokens": 100, "audio": 5},
    "output_token_details": {"reasoning": 50},
}
FACTS = {"model_name": "claude-sonnet-4-5-20250929", "id": "msg_langchain"}


class Model(BaseChatModel):
    """Answers like the model classes of LangChain's partner packages."""

    usage: dict | None = USAGE
    facts: dict = FACTS
    said: dict | None = None
    client: object = None
    error: object = None
    provider: str = "anthropic"

    @property
    def _llm_type(self):
        return "test"

    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_provider": self.provider, "ls_model_name": "claude-sonnet-4-5"}

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        if self.error:
            raise self.error
        if self.client:
            self.client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
        message = AIMessage(content="Hello there.", usage_metadata=self.usage, response_metadata=self.facts)
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output=self.said)

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for text in ("Hello ", "there."):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
            if run_manager:  # else LangChain says so itself
                run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=self.usage, response_metadata=self.facts)
        )


@pytest.fixture
def config():
    return {"callbacks": [TokenBudgetCallbackHandler()]}


def of(number):
    """An answer's facts, with an id of its own."""
    return {**FACTS, "id": f"msg_langchain_{number}"}


def is_whole(event):
    assert (event.provider, event.model, event.requested_model) == (
        "anthropic",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5",
    )
    usage = event.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_1h_tokens) == (
        1000,
        200,
        400,
        100,
    )
    assert (usage.reasoning_tokens, usage.input_audio_tokens, event.status) == (50, 5, "ok")
    assert event.cost_usd is not None


def test_a_call_is_recorded_with_its_tags(events, config):
    with tb.tags(feature="chain"):
        Model(facts=of(1)).invoke("hi", config=config)
    (event,) = events
    is_whole(event)
    assert event.tags == {"feature": "chain"}


def test_an_asynchronous_call_is_recorded_alike(events, config):
    async def main():
        with tb.tags(feature="chain"):
            await Model(facts=of(2)).ainvoke("hi", config=config)

    asyncio.run(main())
    (event,) = events
    is_whole(event)
    assert event.tags == {"feature": "chain"}


def test_a_stream_is_recorded_with_the_time_to_its_first_token(events, config):
    assert "".join(chunk.content for chunk in Model(facts=of(3)).stream("hi", config=config)) == "Hello there."
    (event,) = events
    is_whole(event)
    assert 0 < event.time_to_first_token_ms < event.latency_ms


def test_each_prompt_of_a_batch_is_a_call(events, config):
    Model(facts={"model_name": "claude-sonnet-4-5-20250929"}).batch(["one", "two"], config=config)
    assert len(events) == 2


def test_older_models_state_usage_beside_their_answers(events, config):
    said = {"token_usage": {"prompt_tokens": 10, "completion_tokens": 4}, "model_name": "gpt-4o-mini"}
    Model(usage=None, facts={}, said=said, provider="openai").invoke("hi", config=config)
    (event,) = events
    assert (event.provider, event.model) == ("openai", "gpt-4o-mini")
    assert (event.usage.input_tokens, event.usage.output_tokens) == (10, 4)


def test_plain_language_models_are_recorded(events, config):
    class Plain(BaseLLM):
        @property
        def _llm_type(self):
            return "test"

        def _generate(self, prompts, stop=None, run_manager=None, **kwargs):
            output = {
                "token_usage": {"prompt_tokens": 6, "completion_tokens": 2},
                "model_name": "gpt-3.5-turbo-instruct",
            }
            return LLMResult(generations=[[Generation(text="Hello")] for _ in prompts], llm_output=output)

    Plain().invoke("hi", config=config)
    assert (events[0].usage.input_tokens, events[0].usage.output_tokens) == (6, 2)


def test_a_model_that_states_nothing_is_recorded_as_unknown(events, config):
    Model(usage=None, facts={}).invoke("hi", config=config)
    assert (events[0].usage.input_tokens, events[0].cost_usd) == (None, None)


def test_an_error_is_recorded_and_not_charged(events, config):
    with pytest.raises(ValueError, match="no"):
        Model(error=ValueError("no")).invoke("hi", config=config)
    assert (events[0].status, events[0].error_type, events[0].cost_usd) == ("error", "ValueError", None)


def test_a_wrapped_client_inside_records_alone(events, config):
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=but(CHAT, id="chatcmpl-inside")))
    client = openai.OpenAI(api_key="unused", http_client=httpx2.Client(transport=transport))
    model = Model(client=tb.wrap(client), facts={"model_name": "gpt-4o-mini"}, provider="openai")
    model.invoke("hi", config=config)
    asyncio.run(model.ainvoke("hi", config=config))
    assert [event.response_id for event in events] == ["chatcmpl-inside", "chatcmpl-inside"]


def wrapped(*bodies):
    """Return a wrapped client that is answered with these, the last one again and again."""
    left = list(bodies)

    def answer(_):
        body = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(body, dict):
            return httpx2.Response(200, json=body)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(body))

    return tb.wrap(openai.OpenAI(api_key="unused", http_client=httpx2.Client(transport=httpx2.MockTransport(answer))))


def ask(client):
    client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])


@pytest.mark.parametrize("facts", [of(5), {"model_name": "gpt-4o-mini-2024-07-18"}], ids=["with id", "without"])
def test_a_tool_that_asks_while_a_stream_is_read_is_a_call_of_its_own(events, config, facts):
    client = wrapped(but(CHAT, id="chatcmpl-tool", usage__prompt_tokens=7, usage__completion_tokens=3))
    for number, _ in enumerate(Model(facts=facts).stream("hi", config=config)):
        if number == 0:
            ask(client)
    assert sorted(event.usage.input_tokens for event in events) == [7, 1000]


def test_a_guard_inside_a_model_is_a_call_of_its_own(events, config):
    client = wrapped(but(CHAT, id="chatcmpl-guard"))
    Model(client=client, facts=of(6)).invoke("hi", config=config)
    assert [event.response_id for event in events] == ["chatcmpl-guard", "msg_langchain_6"]


def test_a_model_that_asks_another_one_is_two_calls(events, config):
    class Careful(Model):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            Model(facts=of(7)).invoke("is it safe?", config=config)
            return super()._generate(messages, stop, run_manager, **kwargs)

    Careful(facts=of(8)).invoke("hi", config=config)
    assert [event.response_id for event in events] == ["msg_langchain_7", "msg_langchain_8"]


class Streaming(Model):
    """Streams from a client, as LangChain's own classes do."""

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        stream = self.client.chat.completions.create(model="gpt-4o-mini", messages=[], stream=True)
        with stream:
            for chunk in stream:
                text = chunk.choices[0].delta.content if chunk.choices else None
                yield ChatGenerationChunk(message=AIMessageChunk(content=text or ""))

    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini"}


def test_a_stream_of_a_wrapped_client_that_is_left_is_one_call(events, config):
    stream = Streaming(client=wrapped(CHAT_STREAM_WITH_USAGE)).stream("hi", config=config)
    next(chunk for chunk in stream if chunk.content)
    stream.close()
    (event,) = events
    assert (event.status, event.provider, event.operation) == ("aborted", "openai", "chat")


def test_a_failure_of_a_wrapped_client_is_one_call(events, config):
    class Failing(Model):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            self.client.chat.completions.create(model="claude-sonnet-4-5", messages=[], extra_body={"x": 1})

    client = tb.wrap(openai.OpenAI(api_key="unused", max_retries=0, base_url="http://127.0.0.1:1"))
    with pytest.raises(openai.APIConnectionError):
        Failing(client=client).invoke("hi", config=config)
    (event,) = events
    assert (event.status, event.error_type) == ("error", "APIConnectionError")


def test_a_guard_that_failed_hides_no_failure_of_the_model(events, config):
    class Careful(Model):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            with contextlib.suppress(openai.APIConnectionError):
                ask(self.client)
            raise ValueError("no")

    client = tb.wrap(openai.OpenAI(api_key="unused", max_retries=0, base_url="http://127.0.0.1:1"))
    with pytest.raises(ValueError, match="no"):
        Careful(client=client).invoke("hi", config=config)
    assert [event.error_type for event in events] == ["APIConnectionError", "ValueError"]


@pytest.mark.parametrize("ask", [Model.invoke, lambda *asked: list(Model.stream(*asked))], ids=["whole", "stream"])
def test_several_handlers_record_a_call_once(events, ask):
    """A model is given one, its chain another, and the answer states no id."""
    model = Model(facts={"model_name": FACTS["model_name"]}, callbacks=[TokenBudgetCallbackHandler()])
    for number in (1, 2):
        ask(model, "hi", {"callbacks": [TokenBudgetCallbackHandler(), TokenBudgetCallbackHandler()]})
        assert [event.usage.input_tokens for event in events] == [1000] * number


@pytest.mark.parametrize("usage", [USAGE, None])
def test_what_langchains_own_cache_answers_is_no_call(events, config, usage):
    model = Model(facts={"model_name": FACTS["model_name"]}, usage=usage, cache=InMemoryCache())
    for _ in range(3):
        assert model.invoke("hi", config).content == "Hello there."
    assert len(events) == 1


def test_a_response_id_seen_already_is_not_recorded_again(events, config):
    for _ in range(2):
        Model(facts=of(4)).invoke("hi", config=config)
    assert len(events) == 1


numbers = itertools.count()


def answer(usage, provider="openai", content="Hello there.", facts=()):
    """The event of a message with this usage."""
    message = AIMessage(
        content=content, usage_metadata=usage, response_metadata={"id": f"told_{next(numbers)}", **dict(facts)}
    )

    class Told(Model):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            return ChatResult(generations=[ChatGeneration(message=message)])

    with capture_events() as events:
        Told(provider=provider).invoke("hi", config={"callbacks": [TokenBudgetCallbackHandler()]})
    (event,) = events
    return event


COUNTS = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
SHAPES = {
    "OpenAI's counts by tier": (
        "openai",
        COUNTS
        | {
            "input_token_details": {"flex_cache_read": 400, "flex": 600},
            "output_token_details": {"flex_reasoning": 50, "flex": 150},
        },
        {"service_tier": "flex"},
        {"cache_read_tokens": 400, "reasoning_tokens": 50},
    ),
    "Anthropic's writes, split by lifetime and out of their sum": (
        "anthropic",
        COUNTS
        | {
            "input_token_details": {
                "cache_read": 500,
                "cache_creation": 0,
                "ephemeral_5m_input_tokens": 100,
                "ephemeral_1h_input_tokens": 200,
            }
        },
        {},
        {
            "cache_read_tokens": 500,
            "cache_write_tokens": 300,
            "cache_write_5m_tokens": 100,
            "cache_write_1h_tokens": 200,
        },
    ),
    "xAI's reasoning, beside the answer as the total shows": (
        "xai",
        COUNTS | {"total_tokens": 1230, "output_token_details": {"reasoning": 30}},
        {},
        {"output_tokens": 230, "reasoning_tokens": 30},
    ),
    "Gemini's thoughts, added to the answer": (
        "google_genai",
        COUNTS | {"output_token_details": {"reasoning": 30}},
        {},
        {"reasoning_tokens": 30},
    ),
    "Gemini's thoughts, added though they were in the answer": (
        "google_genai",
        COUNTS | {"total_tokens": 1170, "output_token_details": {"reasoning": 30}},
        {},
        {"output_tokens": 170, "reasoning_tokens": 30},
    ),
    "Gemini's thoughts in OpenAI's shape, in the total alone": (
        "google_genai",
        COUNTS | {"total_tokens": 1230},
        {"model_name": "gemini-2.5-flash"},
        {"output_tokens": 230, "reasoning_tokens": 30},
    ),
    "Gemini's searches": (
        "google_genai",
        COUNTS,
        {"model_name": "gemini-3-flash-preview", "grounding_metadata": {"web_search_queries": ["a", "b", "a"]}},
        {"tools": {"google_search_queries": 2}},
    ),
    "Perplexity's thoughts, citations and searches": (
        "perplexity",
        COUNTS | {"output_token_details": {"reasoning": 30, "citation_tokens": 7}},
        {"num_search_queries": 2, "model_name": "sonar-deep-research"},
        {"output_tokens": 237, "reasoning_tokens": 30, "citation_tokens": 7, "tools": {"search_queries": 2}},
    ),
    "the provider's own usage, where LangChain keeps it": (
        "openai",
        COUNTS,
        {"token_usage": bodies.CHAT["usage"], "model_name": "gpt-4o-mini-2024-07-18"},
        {"cache_read_tokens": 400, "reasoning_tokens": 50, "rejected_prediction_tokens": 7},
    ),
    "a usage of LangChain's own making, which leaves the cache out": (
        "amazon_bedrock",
        COUNTS | {"input_token_details": {"cache_read": 400}},
        {"usage": {"prompt_tokens": 600, "completion_tokens": 200, "cache_read_input_tokens": 400}},
        {"cache_read_tokens": 400},
    ),
}


@pytest.mark.parametrize(("provider", "usage", "facts", "fields"), SHAPES.values(), ids=SHAPES)
def test_each_way_of_stating_usage(provider, usage, facts, fields):
    event = answer(usage, provider, facts=facts)
    assert used(event) == {"input_tokens": 1000, "output_tokens": 200} | fields
    assert event.warnings == ()


SEARCHED = [
    {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"query": "a"}},
    {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"type": "web_search_result"}]},
    {"type": "web_search_tool_result", "tool_use_id": "u", "content": {"error_code": "unavailable"}},
]
CALLED = [{"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "a"}}]


@pytest.mark.parametrize(("provider", "content"), [("anthropic", SEARCHED), ("openai", CALLED)])
def test_searches_are_counted_by_what_the_answer_shows_of_them(provider, content):
    assert answer(COUNTS, provider, content).usage.tools == {"web_search": 1}


UNCOUNTED = {
    "an image by Gemini": ("google_genai", [{"type": "image_url", "image_url": "data:"}], {}),
    "an answer of Cohere's": ("cohere", "Hello.", {"token_count": {"input_tokens": 1000, "output_tokens": 200}}),
}


@pytest.mark.parametrize(("provider", "content", "facts"), UNCOUNTED.values(), ids=UNCOUNTED)
def test_what_langchain_does_not_count_leaves_the_cost_unknown(provider, content, facts):
    event = answer(COUNTS, provider, content, facts)
    assert (event.usage.input_tokens, event.usage.output_tokens, event.cost_usd) == (1000, 200, None)
    assert sum(event.usage.tools.values()) == 1


def test_a_stream_of_coheres_has_its_billed_units():
    event = answer(COUNTS, "cohere", facts={"token_count": COUNTS})
    assert event.usage.tools == {}
