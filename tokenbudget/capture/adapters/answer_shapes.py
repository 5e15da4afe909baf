"""Which API a raw answer came from, told by its shape: frameworks hand answers on without saying.

What is read of an answer is the provider's table and rules, the same as for its own client; only Ollama, which has none
here, has a table of its own.
"""

from __future__ import annotations

from typing import Any

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.providers import anthropic, bedrock, cohere, google, mistral, openai
from tokenbudget.capture.providers.google.usage import as_json
from tokenbudget.capture.usage.fields import Fields, Reader, fields, plain

UNKNOWN = Api(operation="chat", read=Reader(response_id="id", model="model"))
EMBEDDINGS = Api(operation="embeddings", read=Reader())
OLLAMA = Api(operation="chat", read=Reader(model="model", input_tokens="prompt_eval_count", output_tokens="eval_count"))
_ITEMS = {
    "response.": openai.RESPONSES,
    "chat.completion.chunk": openai.CHAT,
    "message_": anthropic.MESSAGES,
    "message-end": cohere.CHAT,
    "stream-end": cohere.CHAT,
    "interaction.": google.INTERACTIONS,
}
"""How the last item of a stream names itself -> whose it is; frameworks pass that on instead of an answer."""
_USAGES = {
    "billed_units": cohere.CHAT,
    "inputTokens": bedrock.CONVERSE,
    "prompt_tokens": openai.CHAT,
    "total_input_tokens": google.INTERACTIONS,
    "input_tokens": anthropic.MESSAGES,
}
"""A count that a usage has -> the API that names it so."""
_OBJECTS = {"response": openai.RESPONSES, "text_completion": openai.COMPLETIONS}


def recognise(raw: Any, provider: str = "") -> tuple[Api, Fields]:
    """Tell the API of an answer, or of the last item of a stream, by its fields.

    Parameters
    ----------
    raw : object
        The provider's own answer: a dict, or an object of its SDK.
    provider : str
        Who bills it.

    Returns
    -------
    (Api, mapping)
        The API, `UNKNOWN` where no API has the shape; and the answer as the API reads it.

    Examples
    --------
    >>> api, answer = recognise({"usage": {"prompt_tokens": 3}})
    >>> api.operation, api.read(answer)
    ('chat', {'input_tokens': 3})
    >>> recognise({"usage_metadata": {"prompt_token_count": 3}})[1]
    {'usageMetadata': {'promptTokenCount': 3}, 'candidates': []}
    """
    answer = fields(raw)
    answer = fields(answer.get("data")) or answer  # of Mistral's events
    if api := _of_item(answer):
        whole: dict[str, Any] = {}
        api.accumulate(whole, plain(answer))
        return _own(api, provider), whole
    if "usage_metadata" in answer or "usageMetadata" in answer:
        return google.GENERATE, _gemini(answer)
    if "prompt_eval_count" in answer:
        return OLLAMA, answer
    api = _own(_of_usage(answer), provider)
    if provider == "bedrock" and api is not bedrock.CONVERSE:
        return bedrock.INVOKE, answer  # the body of a model's maker
    return api, answer


def _own(api: Api, provider: str) -> Api:
    """Return the rules that a provider has of its own for another one's API."""
    return mistral.CHAT if provider == "mistral" and api is openai.CHAT else api


def _of_item(answer: Fields) -> Api | None:
    named = str(answer.get("event_type") or answer.get("type") or answer.get("object") or "")
    api = next((api for beginning, api in _ITEMS.items() if named.startswith(beginning)), None)
    return api or (bedrock.CONVERSE if "usage" in fields(answer.get("metadata")) else None)


def _of_usage(answer: Fields) -> Api:
    usage = fields(answer.get("usage")) or fields(answer.get("meta"))
    api = next((api for name, api in _USAGES.items() if name in usage), UNKNOWN)
    return UNKNOWN if api is UNKNOWN else _OBJECTS.get(str(answer.get("object")), api)


def _gemini(answer: Fields) -> Fields:
    """Return Gemini's answer as its API sends it; LlamaIndex puts the fields of the candidate beside the usage."""
    plain = as_json(answer)
    candidates = plain.get("candidates") or [{name: plain[name] for name in ("groundingMetadata",) if name in plain}]
    return {**plain, "candidates": [one for one in candidates if one]}
