"""What LangChain says that a call used, read by the provider's own rules.

Most model classes keep the provider's original usage in the message's metadata: that is read as from the provider's
own client.  Streams and some classes have but LangChain's own `UsageMetadata`, whose input includes the cache and whose
output includes the reasoning; the provider's rules then say what its total and its tools mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenbudget.capture.adapters import answer_shapes
from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.providers import cohere, openai
from tokenbudget.capture.providers.google import usage as google
from tokenbudget.capture.usage.fields import NONE, Fields, Reader, fields

_USAGE, _FACTS = "usage_metadata", "response_metadata"
_INPUT, _OUTPUT = f"{_USAGE}.input_token_details", f"{_USAGE}.output_token_details"


def _in_any_tier(section: str, name: str) -> tuple[str, ...]:
    """Return the places of a count that LangChain names after the tier that served it, as OpenAI's."""
    return tuple(f"{section}.{tier}{name}" for tier in ("", "priority_", "flex_"))


def _whole_writes(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take cache writes that are split by lifetime, which LangChain leaves out of their sum."""
    split = found.get("cache_write_5m_tokens", 0) + found.get("cache_write_1h_tokens", 0)
    found["cache_write_tokens"] = max(found.get("cache_write_tokens", 0), split)


def _gemini(found: Found, response: Fields, request: Fields) -> None:
    """Undo that LangChain adds Gemini's thoughts to its output, for Gemini's own rule to say where they are."""
    if not found.get("reasoning_tokens"):
        for rule in openai.CHAT.rules:  # in OpenAI's shape the total alone states them
            rule(found, response, request)
        return
    found["output_tokens"] = found.get("output_tokens", 0) - found["reasoning_tokens"]
    google.whole_sides(found, response, request)


def _media(found: Found, response: Fields, request: Fields) -> None:
    """Say that sound and images were used that LangChain does not count apart: Gemini's have rates of their own."""
    unstated = [f"audio_{side}" for side, parts in (("input", request), ("output", response)) if _has(parts, "audio")]
    unstated += ["image_output"] if _has(response, "image") else []
    if unstated:
        found["tools"] = found.get("tools", {}) | {f"{name}_not_counted": 1 for name in unstated}


def _has(parts: Fields, kind: str) -> bool:
    """Return whether there is a part of a kind among an answer's items, or in a request's messages."""
    prompts = (message.get("content") for prompt in parts.get("messages") or () for message in prompt)
    blocks = [*(parts.get("output") or ()), *(block for one in prompts if isinstance(one, list) for block in one)]
    return any(
        kind in str(block.get("type")) or str(block.get("mime_type")).startswith(kind) for block in map(fields, blocks)
    )


def _searches(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count Anthropic's searches by their results: the usage of LangChain's streams leaves them out."""
    items = map(fields, response.get("output") or ())
    results = [item.get("content") for item in items if item.get("type") == "web_search_tool_result"]
    if searches := sum(isinstance(one, list) for one in results):  # anything else is an error
        found["tools"] = found.get("tools", {}) | {"web_search": searches}


CHAT = Api(
    operation="chat",
    read=Reader(
        model=(f"{_FACTS}.model_name", f"{_FACTS}.model"),
        response_id=(f"{_FACTS}.id", f"{_FACTS}.ResponseMetadata.RequestId", "id"),
        service_tier=(f"{_FACTS}.service_tier", f"{_FACTS}.serviceTier.type"),
        input_tokens=f"{_USAGE}.input_tokens",
        output_tokens=f"{_USAGE}.output_tokens",
        total_tokens=f"{_USAGE}.total_tokens",
        cache_read_tokens=_in_any_tier(_INPUT, "cache_read"),
        cache_write_tokens=_in_any_tier(_INPUT, "cache_creation"),
        cache_write_5m_tokens=f"{_INPUT}.ephemeral_5m_input_tokens",
        cache_write_1h_tokens=f"{_INPUT}.ephemeral_1h_input_tokens",
        input_audio_tokens=f"{_INPUT}.audio",
        output_audio_tokens=f"{_OUTPUT}.audio",
        reasoning_tokens=_in_any_tier(_OUTPUT, "reasoning"),
        citation_tokens=f"{_OUTPUT}.citation_tokens",
        search_queries=f"{_FACTS}.num_search_queries",
        search_context=f"{_FACTS}.search_context_size",
    ),
    rules=(_whole_writes, *openai.CHAT.rules, *openai.RESPONSES.rules, _searches),
)
_GEMINI = CHAT.derive(rules=(_gemini, google.grounding, _media))

_COHERE = CHAT.derive(rules=(*CHAT.rules, cohere.billed_units_left_out))
"""Of answers that came whole: of streams LangChain's class takes the billed units, and adds them up."""


def states_usage(message: Fields) -> bool:
    """Return whether a message states what it used, in either way."""
    return bool(message.get(_USAGE) or _own_usage(message, fields(message.get(_FACTS))))


def is_cached(message: Fields) -> bool:
    """Return whether LangChain's own cache answered, and no model was asked: it says so by a cost of nothing."""
    return fields(message.get(_USAGE)).get("total_cost") == 0


def read(message: Fields, said: Fields, provider: str) -> tuple[Api, Fields]:
    """Find how a message states what it used.

    Parameters
    ----------
    message : mapping
        Its fields.
    said : mapping
        What the call says beside its messages (``llm_output``).
    provider : str
        Who bills it.

    Returns
    -------
    (Api, mapping)
        The API, and the answer as it reads it.

    Examples
    --------
    >>> message = {"usage_metadata": {"input_tokens": 5, "output_tokens": 2, "input_token_details": {"cache_read": 4}}}
    >>> api, answer = read(message, {}, "openai")
    >>> api.read(answer)
    {'input_tokens': 5, 'output_tokens': 2, 'cache_read_tokens': 4}
    """
    facts = {**said, **fields(message.get(_FACTS))}
    response_id = next((one for one in (facts.get("id"), message.get("id")) if one and not _is_own(str(one))), None)
    if usage := _own_usage(message, facts):
        named = {"id": response_id, "model": facts.get("model_name") or facts.get("model")}
        api, answer = answer_shapes.recognise({**facts, **named, "usage": usage}, provider)
        if api is not answer_shapes.UNKNOWN:
            return api, answer
    answer = {**message, "id": response_id, _FACTS: {**facts, "id": response_id}, "output": list(_items(message))}
    if provider in {"google", "vertex"}:
        grounding = google.as_json(fields(facts.get("grounding_metadata")))
        return _GEMINI, {**answer, "candidates": [{"groundingMetadata": grounding}]}
    if provider == "cohere" and "total_tokens" not in fields(facts.get("token_count")):
        return _COHERE, answer
    if provider == "perplexity":  # whose thoughts are beside the completion
        details = fields(fields(message.get(_USAGE)).get("output_token_details"))
        return CHAT, {**answer, "usage": {"reasoning_tokens": details.get("reasoning")}}
    return CHAT, answer


def _own_usage(message: Fields, facts: Fields) -> Fields:
    """Return the provider's own usage; Bedrock's older class writes one of its own making, which is not it."""
    if usage := fields(facts.get("token_usage")):
        return usage
    usage = fields(facts.get("usage"))
    return NONE if "prompt_tokens" in usage and message.get(_USAGE) else usage


def _items(message: Fields) -> Iterable[Any]:
    """Return what an OpenAI response consists of, among it the calls of tools that are billed apart."""
    content = message.get("content")
    yield from content if isinstance(content, list) else ()
    yield from fields(message.get("additional_kwargs")).get("tool_outputs") or ()


def _is_own(response_id: str) -> bool:
    """Tell LangChain's own ids from the provider's."""
    return response_id.startswith(("run-", "lc_"))
