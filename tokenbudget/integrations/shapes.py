"""Which API a raw answer came from, told by its shape: frameworks hand answers on without saying."""

from __future__ import annotations

from tokenbudget.capture.api import Api
from tokenbudget.capture.fields import Fields, Reader, fields
from tokenbudget.capture.providers import anthropic, bedrock, openai
from tokenbudget.core.providers import canonical

UNKNOWN = Api(operation="chat", read=Reader(response_id="id", model="model"))
EMBEDDINGS = Api(operation="embeddings", read=Reader())
_OBJECTS = Reader(
    model=("model_version", "modelVersion"),
    response_id=("response_id", "responseId"),
    input_tokens=("usage_metadata.prompt_token_count", "prompt_eval_count"),
    output_tokens=("usage_metadata.candidates_token_count", "eval_count"),
    cache_read_tokens="usage_metadata.cached_content_token_count",
    tool_prompt_tokens="usage_metadata.tool_use_prompt_token_count",
    reasoning_tokens="usage_metadata.thoughts_token_count",
)


def _google_sides(found: dict[str, int], answer: Fields, request: Fields) -> None:  # noqa: ARG001
    if found.get("input_tokens") is not None:
        found["input_tokens"] += found.get("tool_prompt_tokens", 0)
        found["output_tokens"] = found.get("output_tokens", 0) + found.get("reasoning_tokens", 0)


GEMINI_OR_OLLAMA = Api(operation="chat", read=_OBJECTS, rules=(_google_sides,))
_PREFIXES = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "vertex": "vertex",
    "gemini": "google",
    "google": "google",
    "genai": "google",
    "mistral": "mistral",
    "cohere": "cohere",
    "groq": "groq",
    "ollama": "ollama",
    "deepseek": "deepseek",
}


def api_of(raw: object) -> Api:
    """Tell the API of an answer by its fields.

    Examples
    --------
    >>> api_of({"usage": {"prompt_tokens": 3}}).operation, api_of({"type": "message", "usage": {}}).operation
    ('chat', 'messages')
    """
    answer = fields(raw)
    usage = fields(answer.get("usage"))
    if answer.get("type") == "message":
        return anthropic.MESSAGES
    if "prompt_tokens" in usage:
        return openai.CHAT
    if "inputTokens" in usage:
        return bedrock.CONVERSE
    if "input_tokens" in usage:
        return openai.RESPONSES if answer.get("object") == "response" else anthropic.MESSAGES
    return GEMINI_OR_OLLAMA if "usage_metadata" in answer or "prompt_eval_count" in answer else UNKNOWN


def provider_of(class_name: str) -> str:
    """Tell who bills the calls of a framework's class by the class's name.

    Examples
    --------
    >>> provider_of("AzureOpenAI"), provider_of("Anthropic_LLM"), provider_of("MyOwn")
    ('azure', 'anthropic', 'myown')
    """
    name = class_name.lower()
    known = [provider for part, provider in _PREFIXES.items() if part in name]
    # Azure's and Bedrock's classes name the maker of the model as well.
    return next((one for one in known if one in {"azure", "bedrock", "vertex"}), (*known, canonical(name))[0])
