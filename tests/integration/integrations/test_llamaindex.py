import asyncio

import httpx2
import openai
import pytest
from google.genai.types import MediaModality
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

import tokenbudget as tb
from tests.integration.capture import bodies
from tests.integration.capture.bodies import CHAT, MESSAGE, but
from tests.integration.capture.provider_bodies import CONVERSE
from tokenbudget.integrations.llamaindex import TokenBudgetEventHandler

BILLED = {"input_tokens": 21, "output_tokens": 40}
HI = [ChatMessage(role="user", content="hi")]


class Model(CustomLLM):
    """Answers like the LLM classes of LlamaIndex's packages: the provider's own response is in ``raw``."""

    raw: object = None
    client: object = None
    error: object = None
    model: str = "gpt-4o-mini"

    @classmethod
    def class_name(cls):
        return "openai_llm"

    @property
    def metadata(self):
        return LLMMetadata(model_name=self.model, is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages, **kwargs):
        if self.error:
            raise self.error
        if self.client:
            self.client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
        return ChatResponse(message=ChatMessage(role="assistant", content="Hello there."), raw=self.raw)

    @llm_chat_callback()
    def stream_chat(self, messages, **kwargs):
        def parts():
            for text in ("Hello ", "there."):
                message = ChatMessage(role="assistant", content=text)
                yield ChatResponse(message=message, delta=text, raw=self.raw if text == "there." else {})

        return parts()

    @llm_completion_callback()
    def complete(self, prompt, formatted=False, **kwargs):
        answer = self.chat(HI)
        return CompletionResponse(text=answer.message.content, raw=answer.raw)

    @llm_completion_callback()
    def stream_complete(self, prompt, formatted=False, **kwargs):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def handler():
    dispatcher = get_dispatcher()
    before = list(dispatcher.event_handlers)
    dispatcher.add_event_handler(TokenBudgetEventHandler())
    yield
    dispatcher.event_handlers = before


def chat(number):
    return but(CHAT, id=f"chatcmpl-llama-{number}")


def is_whole(event):
    assert (event.provider, event.model, event.requested_model) == ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini")
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.cache_read_tokens) == (1000, 200, 400)
    assert event.status == "ok"
    assert event.cost_usd is not None


def test_a_chat_is_recorded_with_its_tags(events):
    with tb.tags(feature="index"):
        Model(raw=chat(1)).chat(HI)
    (event,) = events
    is_whole(event)
    assert event.tags == {"feature": "index"}


def test_an_asynchronous_chat_is_recorded_alike(events):
    asyncio.run(Model(raw=chat(2)).achat(HI))
    (event,) = events
    is_whole(event)


def test_a_stream_is_recorded_at_its_end(events):
    assert len(list(Model(raw=chat(3)).stream_chat(HI))) == 2
    (event,) = events
    is_whole(event)
    assert 0 < event.time_to_first_token_ms < event.latency_ms


@pytest.mark.parametrize("again", [TokenBudgetEventHandler(), None], ids=["another handler", "the same one"])
def test_several_handlers_record_a_call_once(events, again):
    """As where a cell of a notebook is run again; the answers state no id."""
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(again or dispatcher.event_handlers[-1])
    unnamed = {name: value for name, value in CHAT.items() if name != "id"}
    for _ in range(2):
        Model(raw=unnamed).chat(HI)
        list(Model(raw=unnamed).stream_chat(HI))
        Model(raw=unnamed).complete("hi")
    MockEmbedding(embed_dim=2).get_text_embedding("hello")
    assert [event.operation for event in events] == [*["chat"] * 6, "embeddings"]


def test_a_completion_made_of_a_chat_is_one_call(events):
    Model(raw=chat(4)).complete("hi")
    (event,) = events
    is_whole(event)


def test_the_shape_of_the_raw_answer_says_how_to_read_it(events):
    Model(raw=but(MESSAGE, id="msg_llama")).chat(HI)
    assert (events[0].usage.input_tokens, events[0].usage.cache_write_1h_tokens) == (2310, 200)


def provider_class(name):
    return type("Named", (Model,), {"class_name": classmethod(lambda cls: name)})


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


THOUGHT = {"prompt_token_count": 100, "candidates_token_count": 30, "thoughts_token_count": 20}
SNAKES = {
    "thoughts beside the answer": (THOUGHT, (100, 50)),
    "thoughts in the answer, as the total shows": (THOUGHT | {"total_token_count": 130}, (100, 30)),
    "a tool's prompt": (THOUGHT | {"tool_use_prompt_token_count": 7, "total_token_count": 157}, (107, 50)),
}


@pytest.mark.parametrize(("usage", "tokens"), SNAKES.values(), ids=SNAKES)
def test_gemini_is_read_by_its_own_rules_in_either_spelling(events, usage, tokens):
    for raw in ({"usage_metadata": usage}, {"usageMetadata": {camel(name): count for name, count in usage.items()}}):
        provider_class("GenAI")(raw=raw, model="gemini-2.5-flash").chat(HI)
    assert [(event.provider, event.usage.input_tokens, event.usage.output_tokens) for event in events] == [
        ("google", *tokens)
    ] * 2


def test_what_gemini_looked_up_is_beside_its_usage(events):
    usage = THOUGHT | {"prompt_tokens_details": [{"modality": MediaModality.AUDIO, "token_count": 60}]}
    raw = {"usage_metadata": usage, "grounding_metadata": {"web_search_queries": ["a", "b"], "grounding_chunks": None}}
    for model in ("gemini-2.5-flash", "gemini-3-flash-preview"):
        provider_class("GenAI")(raw=raw, model=model).chat(HI)
    assert [event.usage.tools for event in events] == [{"grounded_prompt": 1}, {"google_search_queries": 2}]
    assert {event.usage.input_audio_tokens for event in events} == {60}


ENDS = {
    "a response": ("openai_responses_llm", {"type": "response.completed", "response": bodies.RESPONSE}, (300, 40)),
    "Converse": ("Bedrock_Converse_LLM", {"metadata": {"usage": CONVERSE["usage"]}}, (2310, 90)),
    "Mistral": ("MistralAI_LLM", {"data": {"usage": {"prompt_tokens": 100, "completion_tokens": 20}}}, (100, 20)),
    "Cohere": ("Cohere_LLM", {"event_type": "stream-end", "response": {"meta": {"billed_units": BILLED}}}, (21, 40)),
    "Anthropic": (
        "Anthropic_LLM",
        {"type": "message_delta", "usage": {"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 30}},
        (40, 4),
    ),
    "a model on Bedrock": ("Bedrock_LLM", {"prompt_token_count": 9, "generation_token_count": 3}, (9, 3)),
    "Ollama": ("Ollama_llm", {"model": "llama3", "prompt_eval_count": 9, "eval_count": 3}, (9, 3)),
}


@pytest.mark.parametrize(("name", "raw", "tokens"), ENDS.values(), ids=ENDS)
def test_what_comes_last_of_a_stream_says_how_to_read_it(events, name, raw, tokens):
    provider_class(name)(raw=raw, model="m").chat(HI)
    assert [(event.usage.input_tokens, event.usage.output_tokens) for event in events] == [tokens]


def test_an_error_is_recorded_and_not_charged(events):
    with pytest.raises(ValueError, match="no"):
        Model(error=ValueError("no")).chat(HI)
    (event,) = events
    assert (event.status, event.cost_usd) == ("error", None)


def test_a_wrapped_client_inside_records_alone(events):
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=but(CHAT, id="chatcmpl-llama-inside")))
    client = tb.wrap(openai.OpenAI(api_key="unused", http_client=httpx2.Client(transport=transport)))
    Model(raw={"usage": {"prompt_tokens": 1}}, client=client).chat(HI)
    Model(raw={"usage": {"prompt_tokens": 1}}, client=client).complete("hi")
    assert [event.response_id for event in events] == ["chatcmpl-llama-inside"] * 2


def test_a_call_of_a_wrapped_client_inside_is_its_own_where_the_answer_is_another(events):
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=but(CHAT, id="chatcmpl-llama-guard")))
    client = tb.wrap(openai.OpenAI(api_key="unused", http_client=httpx2.Client(transport=transport)))
    Model(raw=chat(5), client=client).chat(HI)
    assert [event.response_id for event in events] == ["chatcmpl-llama-guard", "chatcmpl-llama-5"]
    events.clear()
    Model(raw=chat(6), client=client).complete("hi")
    assert [event.response_id for event in events] == ["chatcmpl-llama-guard", "chatcmpl-llama-6"]


def test_embeddings_are_estimated_from_their_texts(events):
    MockEmbedding(embed_dim=2).get_text_embedding("twelve bytes")
    (event,) = events
    assert (event.operation, event.measured, event.usage.input_tokens) == ("embeddings", "estimated", 3)
