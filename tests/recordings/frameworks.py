"""Recorded answers as frameworks hand them on: LlamaIndex the provider's own, LangChain a message made of it."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback

from tests.integration.capture.local_server import LocalServer
from tests.recordings.corpus import Recording
from tests.recordings.replay import parsed
from tokenbudget.capture import seen_ids
from tokenbudget.capture.usage.fields import plain
from tokenbudget.core.event import Event
from tokenbudget.integrations.langchain import TokenBudgetCallbackHandler
from tokenbudget.integrations.llamaindex import TokenBudgetEventHandler
from tokenbudget.testing import capture_events

_CHAT_APIS = {"chat", "responses", "messages", "generateContent", "converse", "chat.v2"}

# LlamaIndex

_CLASSES = {
    "openai": "openai_llm",
    "azure": "azure_openai_llm",
    "anthropic": "Anthropic_LLM",
    "google": "GenAI",
    "vertex": "Vertex",
    "bedrock": "Bedrock_Converse_LLM",
    "mistral": "MistralAI_LLM",
    "cohere": "Cohere_LLM",
    "groq": "Groq",
    "deepseek": "DeepSeek",
    "openrouter": "OpenRouter_LLM",
    "perplexity": "perplexity_llm",
}
"""How LlamaIndex's classes name themselves."""


class _Llm(CustomLLM):
    """Answers like the classes of LlamaIndex's packages: the provider's own answer is in ``raw``."""

    raw: Any = None
    model: str = ""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content="Hello."), raw=self.raw)

    def complete(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_complete(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def llama_index_has_it(recording: Recording) -> bool:
    """LlamaIndex has a class for the provider, whose answer (or a stream's last item) states all that was used."""
    keeps_the_start = recording.provider == "anthropic" and recording.is_stream
    return recording.provider in _CLASSES and recording.api in _CHAT_APIS and not keeps_the_start


def llama_index_says_the_tier(recording: Recording) -> bool:
    """The objects of google-genai, which LlamaIndex hands on, leave out the tier that the Gemini API states."""
    return recording.provider != "google" or not recording.names_a_tier


def through_llama_index(recording: Recording, server: LocalServer, *, as_json: bool = False) -> Event:
    """Hand an answer on as LlamaIndex does, the SDK's objects or what was sent, and give the event of it."""
    answer = recording.response if as_json else _handed_on(recording, parsed(recording, server, wrap=_unwrapped))
    named = type("Llm", (_Llm,), {"class_name": classmethod(lambda cls: _CLASSES[recording.provider])})
    dispatcher = get_dispatcher()
    before = list(dispatcher.event_handlers)
    dispatcher.add_event_handler(TokenBudgetEventHandler())
    seen_ids.forget()
    try:
        with capture_events() as events:
            named(raw=answer, model=recording.model).chat([ChatMessage(role="user", content="hi")])
    finally:
        dispatcher.event_handlers = before
    (event,) = events
    return event


def _unwrapped(client: Any) -> Any:
    return client


def _handed_on(recording: Recording, answer: Any) -> Any:
    """Return what LlamaIndex's classes put into ``raw``: of a stream, its last item."""
    if recording.is_stream:
        answer = ([item for item in answer if _states_usage(item)] or answer)[-1]
    if recording.api == "generateContent":
        return answer.candidates[0].model_dump() | {"usage_metadata": answer.usage_metadata.model_dump()}
    is_object = recording.provider in {"openai", "azure", "groq", "deepseek", "openrouter", "perplexity"}
    return answer if is_object or recording.is_stream else dict(answer)


def _states_usage(item: Any) -> bool:
    """Return whether a stream's item states usage, or something in it does."""
    known = plain(item)
    inner = (known.get(name) for name in ("metadata", "data", "response", "delta", "x_groq"))
    parts = [known, *(part for part in inner if isinstance(part, dict))]
    return any(part.get("usage") or part.get("usage_metadata") for part in parts)


# LangChain


class _ChatModel(BaseChatModel):
    """Answers like the classes of LangChain's partner packages."""

    message: Any
    provider: str
    model: str

    @property
    def _llm_type(self) -> str:
        return "test"

    def _get_ls_params(self, stop: Any = None, **_: Any) -> Any:
        return {"ls_provider": self.provider, "ls_model_name": self.model}

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.message)])


def through_langchain(recording: Recording, *, with_own_usage: bool) -> Event:
    """Hand on the message that LangChain's class makes of an answer, and give the event of it.

    Parameters
    ----------
    with_own_usage : bool
        As of an answer that came whole, where the class keeps the provider's own usage; a stream has but LangChain's.
    """
    facts = _facts(recording) | ({_OWN_USAGE[recording.api]: recording.response["usage"]} if with_own_usage else {})
    message = AIMessage(content=_content(recording), usage_metadata=_usage_metadata(recording), response_metadata=facts)
    provider = _LS_PROVIDERS.get(recording.provider, recording.provider)
    model = _ChatModel(message=message, provider=provider, model=recording.model)
    sound = [{"type": "media", "mime_type": "audio/wav", "data": ""}] if "input_audio_tokens" in recording.used else []
    seen_ids.forget()
    with capture_events() as events:
        model.invoke(
            [HumanMessage(content=[{"type": "text", "text": "hi"}, *sound])],
            config={"callbacks": [TokenBudgetCallbackHandler()]},
        )
    (event,) = events
    return event


_LS_PROVIDERS = {"google": "google_genai", "vertex": "google_vertexai", "bedrock": "amazon_bedrock"}
_OWN_USAGE = {"chat": "token_usage", "messages": "usage"}
"""Where LangChain's class for an API keeps the provider's own usage."""


def langchain_keeps_its_usage(recording: Recording) -> bool:
    """The answer came whole, and LangChain's class for the API keeps the provider's own usage of it."""
    is_kept = recording.api in _OWN_USAGE and recording.provider != "perplexity"
    return is_kept and not recording.is_stream


def langchain_makes_its_own(recording: Recording) -> bool:
    """LangChain's class for the API states what is billed in LangChain's shape (Cohere's does not).

    The shape has no room for passes beside the total.
    """
    if recording.is_stream or recording.api not in _METADATA:
        return False
    return not _usage(recording).get("iterations")


_IN_METADATA = {
    "chat": {"input_audio_tokens", "output_audio_tokens", "reasoning_tokens"},
    "responses": {"reasoning_tokens", "tools"},
    "messages": {"cache_write_1h_tokens", "reasoning_tokens"},
    "generateContent": {"reasoning_tokens", "tools"},
    "converse": {"cache_write_1h_tokens"},
}
_IN_ALL = {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"}
_PAY_AS_THE_WHOLE = {"cache_write_5m_tokens", "input_image_tokens", "tool_prompt_tokens", "rejected_prediction_tokens"}
"""What LangChain's shape leaves out and no price depends on."""


MEDIA = {"input_audio_tokens", "output_image_tokens"}
"""What has a rate of its own with Gemini, and is not counted apart in LangChain's shape."""


def said(recording: Recording, used: dict[str, Any]) -> dict[str, Any]:
    """Keep of a usage what LangChain's shape says of such an answer, and what the answer's blocks say."""
    found = {name: count for name, count in used.items() if name in _said_of(recording)}
    tools = {name: count for name, count in found.pop("tools", {}).items() if not name.endswith("_not_counted")}
    return found | ({"tools": tools} if tools else {})


def _said_of(recording: Recording) -> set[str]:
    searched = any(block["type"] == "web_search_tool_result" for block in _blocks(recording))
    return _IN_ALL | _IN_METADATA[recording.api] | ({"tools"} if searched else set())


def metadata_price_it(recording: Recording) -> bool:
    """LangChain's shape says all that the price depends on: parts with rates of their own, tier, and no bill."""
    is_billed = any(part == "reported" for part, _, _ in recording.cost or ())
    is_all = recording.used.keys() <= _said_of(recording) | _PAY_AS_THE_WHOLE
    return is_all and not recording.names_a_tier and not is_billed


def _usage(recording: Recording) -> dict[str, Any]:
    body = recording.response
    return body.get("usage") or body.get("usageMetadata") or {}


def _content(recording: Recording) -> Any:
    return [*_blocks(recording), {"type": "text", "text": "Hello."}]


def _blocks(recording: Recording) -> list[dict[str, Any]]:
    """Return an answer's blocks as LangChain's classes do, but for their text."""
    body = recording.response
    if recording.api == "generateContent":
        parts = [part for one in body["candidates"] for part in (one.get("content") or {}).get("parts") or ()]
        return [{"type": "image_url"} for part in parts if "inlineData" in part]
    items = body.get({"responses": "output", "messages": "content"}.get(recording.api, "")) or ()
    return [item for item in items if item["type"] not in {"message", "text"}]


def _facts(recording: Recording) -> dict[str, Any]:
    """Return what LangChain's classes put beside the text, usage apart."""
    body = recording.response
    if recording.api == "converse":
        return {name: body[name] for name in ("serviceTier", "stopReason") if name in body}
    usage = body.get("usage") or {}
    facts = {
        "id": body.get("id"),
        "model_name": body.get("model") or body.get("modelVersion"),
        "service_tier": body.get("service_tier"),
        "num_search_queries": usage.get("num_search_queries"),
        "search_context_size": usage.get("search_context_size"),
    }
    for candidate in body.get("candidates") or ():
        facts["grounding_metadata"] = candidate.get("groundingMetadata")
    return {name: value for name, value in facts.items() if value is not None}


def _usage_metadata(recording: Recording) -> dict[str, Any]:
    """Return LangChain's `UsageMetadata` of an answer, as its class for the API works it out."""
    given, made, total, inside, of_output = _METADATA[recording.api](_usage(recording))
    tier = recording.response.get("service_tier")
    prefix = f"{tier}_" if recording.provider == "openai" and tier in {"priority", "flex"} else ""
    inside, of_output = (
        {name if name == "audio" else f"{prefix}{name}": count for name, count in part.items() if count is not None}
        for part in (inside, of_output)
    )
    return {
        "input_tokens": given,
        "output_tokens": made,
        "total_tokens": given + made if total is None else total,
        "input_token_details": inside,
        "output_token_details": of_output,
    }


def _of_chat(usage: dict[str, Any]) -> tuple[Any, ...]:
    inside, of_output = (usage.get(f"{side}_tokens_details") or {} for side in ("prompt", "completion"))
    return (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage.get("total_tokens"),
        {
            "audio": inside.get("audio_tokens"),
            "cache_read": inside.get("cached_tokens"),
            "cache_creation": inside.get("cache_write_tokens"),
        },
        {"audio": of_output.get("audio_tokens"), "reasoning": of_output.get("reasoning_tokens")},
    )


def _of_response(usage: dict[str, Any]) -> tuple[Any, ...]:
    inside, of_output = (usage.get(f"{side}_tokens_details") or {} for side in ("input", "output"))
    return (
        usage["input_tokens"],
        usage["output_tokens"],
        usage.get("total_tokens"),
        {"cache_read": inside.get("cached_tokens"), "cache_creation": inside.get("cache_write_tokens")},
        {"reasoning": of_output.get("reasoning_tokens")},
    )


def _of_message(usage: dict[str, Any]) -> tuple[Any, ...]:
    split = usage.get("cache_creation") or {}
    short, long = (split.get(f"ephemeral_{name}_input_tokens") for name in ("5m", "1h"))
    read, written = (usage.get(f"cache_{name}_input_tokens") for name in ("read", "creation"))
    is_split = (short or 0) + (long or 0) > 0
    return (
        usage["input_tokens"] + (read or 0) + ((short or 0) + (long or 0) or written or 0),
        usage["output_tokens"],
        None,
        {
            "cache_read": read,
            "cache_creation": 0 if is_split else written,
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": long,
        },
        {"reasoning": (usage.get("output_tokens_details") or {}).get("thinking_tokens")},
    )


def _of_gemini(usage: dict[str, Any]) -> tuple[Any, ...]:
    thoughts = usage.get("thoughtsTokenCount") or 0
    return (
        (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0),
        (usage.get("candidatesTokenCount") or 0) + thoughts,
        usage.get("totalTokenCount"),
        {"cache_read": usage.get("cachedContentTokenCount") or 0},
        {"reasoning": thoughts or None},
    )


def _of_converse(usage: dict[str, Any]) -> tuple[Any, ...]:
    read, written = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
    lifetimes = {
        f"ephemeral_{ttl}_input_tokens": sum(
            one["inputTokens"] for one in usage.get("cacheDetails") or () if one["ttl"] == ttl
        )
        or None
        for ttl in ("5m", "1h")
    }
    return (
        usage["inputTokens"] + read + written,
        usage["outputTokens"],
        usage.get("totalTokens"),
        {"cache_read": read, "cache_creation": 0 if any(lifetimes.values()) else written, **lifetimes},
        {},
    )


_METADATA = {
    "chat": _of_chat,
    "responses": _of_response,
    "messages": _of_message,
    "generateContent": _of_gemini,
    "converse": _of_converse,
}
