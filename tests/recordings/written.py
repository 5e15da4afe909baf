"""Answers in the shapes of APIs that nobody recorded for these tests: written after the providers' documentation.

They are the bodies that the tests of capture use; here they have what they cost, line by line.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.integration.capture import bodies, provider_bodies
from tests.integration.capture.bodies import but
from tests.recordings.corpus import Lines, Recording

SONNET, ON_BEDROCK = "claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
_OPENAI, _GOOGLE, _BEDROCK = "api.openai.com", "generativelanguage.googleapis.com", "bedrock-runtime.us-east-1.aws.com"
_PLACES = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "transcriptions": "/v1/audio/transcriptions",
    "messages": "/v1/messages",
}
_HOSTS = {"openai": _OPENAI, "anthropic": "api.anthropic.com", "groq": "api.groq.com", "bedrock": _BEDROCK}
_CHAT = {
    "input_tokens": 1000,
    "output_tokens": 200,
    "cache_read_tokens": 400,
    "reasoning_tokens": 50,
    "rejected_prediction_tokens": 7,
}


def _lines(*stated: tuple[str, int | str, str]) -> Lines:
    return tuple((part, Decimal(quantity), Decimal(rate)) for part, quantity, rate in stated)


def _halved(lines: Lines) -> Lines:
    """Return what tokens cost in a batch at half price; calls of tools cost the same."""
    return tuple((part, quantity, rate if part in _TOOLS else rate / 2) for part, quantity, rate in lines)


_TOOLS = ("web_search", "google_search_queries")
_CHAT_COST = _lines(("input", 600, "0.00000015"), ("cache_read", 400, "0.000000075"), ("output", 200, "0.0000006"))
_GROQ_COST = _lines(("input", 600, "0.000000075"), ("cache_read", 400, "0.0000000375"), ("output", 200, "0.0000003"))
_MESSAGE_COST = _lines(
    ("input", 10, "0.000003"),
    ("cache_read", 2000, "0.0000003"),
    ("cache_write_5m", 100, "0.00000375"),
    ("cache_write_1h", 200, "0.000006"),
    ("output", 90, "0.000015"),
    ("web_search", 2, "0.01"),
)
_CLAUDE_ON_BEDROCK_COST = _lines(
    ("input", 10, "0.0000033"),
    ("cache_read", 2000, "0.00000033"),
    ("cache_write_5m", 100, "0.000004125"),
    ("cache_write_1h", 200, "0.0000066"),
    ("output", 90, "0.0000165"),
)
_CONVERSE_COST = _lines(  # flex
    ("input", 10, "0.00000165"),
    ("cache_read", 2000, "0.000000165"),
    ("cache_write_5m", 100, "0.0000020625"),
    ("cache_write_1h", 200, "0.0000033"),
    ("output", 90, "0.00000825"),
)
_GEMINI_COST = _lines(  # flex
    ("input", 460, "0.00000025"),
    ("input_audio", 200, "0.0000005"),
    ("cache_read", 300, "0.00000005"),
    ("cache_read_audio", 100, "0.0000001"),
    ("output", 250, "0.0000015"),
    ("google_search_queries", 2, "0.014"),
)
_INTERACTION_COST = _lines(("input", 280, "0.0000005"), ("cache_read", 30, "0.00000005"), ("output", 25, "0.000003"))
_MISTRAL_COST = _lines(("input", 84, "0.00000015"), ("cache_read", 16, "0.000000015"), ("output", 20, "0.0000006"))
_COHERE_COST = _lines(("input", 21, "0.0000025"), ("output", 40, "0.00001"))
_CONVERSE, _COHERE = provider_bodies.CONVERSE_FIELDS, provider_bodies.COHERE_FIELDS
_GROQ = but(bodies.CHAT, model="openai/gpt-oss-20b")
_ANSWERED = but(bodies.RESPONSE, output=bodies.RESPONSE["output"][-1:])


def _written(
    name: str, provider: str, api: str, model: str, response: Any, used: dict[str, Any], cost: Lines, **more: Any
) -> Recording:
    tools, units = used.get("tools", {}), used.get("units", {})
    tokens = {name: count for name, count in used.items() if name.endswith("_tokens")}
    return Recording(
        id=name,
        provider=provider,
        api=api,
        request={"model": model},
        response=response,
        tokens=tokens,
        tools=tools,
        units=units,
        cost=cost,
        host=_HOSTS.get(provider, ""),
        path="/openai/v1/chat/completions" if provider == "groq" else _PLACES.get(api, ""),
        **more,
    )


def _invoked(name: str, model: str, *cost: tuple[str, int, str]) -> Recording:
    body, used = provider_bodies.INVOKED[name]
    return _written(f"w-{name.replace(' ', '-')}", "bedrock", "invoke", model, body, used, _lines(*cost))


WRITTEN = [
    _written("w-chat", "openai", "chat", "gpt-4o-mini", bodies.CHAT, _CHAT, _CHAT_COST, batch=_halved(_CHAT_COST)),
    _written("w-chat-stream", "openai", "chat", "gpt-4o-mini", bodies.CHAT_STREAM_WITH_USAGE, _CHAT, _CHAT_COST),
    _written(
        "w-response",
        "openai",
        "responses",
        "gpt-4.1",
        _ANSWERED,
        {
            "input_tokens": 300,
            "output_tokens": 40,
            "cache_read_tokens": 100,
            "cache_write_tokens": 20,
            "reasoning_tokens": 16,
        },
        cost := _lines(("input", 200, "0.000002"), ("cache_read", 100, "0.0000005"), ("output", 40, "0.000008")),
        batch=_halved(cost),
    ),
    _written(
        "w-embedding",
        "openai",
        "embeddings",
        "text-embedding-3-small",
        bodies.EMBEDDINGS,
        {"input_tokens": 20, "output_tokens": 0},
        cost := _lines(("input", 20, "0.00000002")),
        batch=_halved(cost),
    ),
    _written(
        "w-transcript",
        "openai",
        "transcriptions",
        "whisper-1",
        {"text": "Hello.", "usage": {"type": "duration", "seconds": 12.5}},
        {"units": {"seconds": Decimal("12.5")}},
        _lines(("seconds", "12.5", "0.0001")),
    ),
    _written(
        "w-message",
        "anthropic",
        "messages",
        SONNET,
        bodies.MESSAGE,
        provider_bodies.CLAUDE_FIELDS,
        _MESSAGE_COST,
        batch=_halved(_MESSAGE_COST),
    ),
    _written(
        "w-message-stream",
        "anthropic",
        "messages",
        SONNET,
        bodies.MESSAGE_STREAM,
        provider_bodies.CLAUDE_FIELDS,
        _MESSAGE_COST,
    ),
    *(
        _written(
            f"w-gemini{end}",
            "google",
            "generateContent",
            "gemini-3-flash-preview",
            body,
            provider_bodies.GEMINI_FIELDS,
            _GEMINI_COST,
        )
        for end, body in (("", provider_bodies.GEMINI), ("-stream", provider_bodies.GEMINI_STREAM))
    ),
    _written(
        "w-gemini-embedding",
        "google",
        "embedContent",
        "gemini-embedding-001",
        provider_bodies.GEMINI_EMBEDDING,
        {"input_tokens": 7, "output_tokens": 0},
        _lines(("input", 7, "0.00000015")),
    ),
    *(
        _written(
            f"w-interaction{end}",
            "google",
            "interactions",
            "gemini-3-flash-preview",
            body,
            provider_bodies.INTERACTION_FIELDS,
            _INTERACTION_COST,
        )
        for end, body in (("", provider_bodies.INTERACTION), ("-stream", provider_bodies.INTERACTION_STREAM))
    ),
    *(
        _written(
            f"w-converse{end}", "bedrock", "converse", ON_BEDROCK, body, provider_bodies.CONVERSE_FIELDS, _CONVERSE_COST
        )
        for end, body in (("", provider_bodies.CONVERSE), ("-stream", provider_bodies.CONVERSE_STREAM))
    ),
    *(
        _written(
            f"w-claude-on-bedrock{end}",
            "bedrock",
            "invoke",
            ON_BEDROCK,
            body,
            provider_bodies.CLAUDE_FIELDS,
            (*_CLAUDE_ON_BEDROCK_COST, *_lines(("web_search", 2, "0.01"))),
        )
        for end, body in (
            ("", provider_bodies.CLAUDE_ON_BEDROCK),
            ("-stream", provider_bodies.CLAUDE_STREAM_ON_BEDROCK),
        )
    ),
    _invoked("titan", "amazon.titan-embed-text-v2:0", ("input", 8, "0.00000002")),
    _invoked("titan text", "amazon.titan-text-lite-v1", ("input", 8, "0.00000015"), ("output", 5, "0.0000002")),
    _invoked(
        "nova",
        "amazon.nova-lite-v1:0",
        ("input", 10, "0.00000006"),
        ("cache_read", 30, "0.000000015"),
        ("output", 4, "0.00000024"),
    ),
    _invoked("llama", "meta.llama3-8b-instruct-v1:0", ("input", 9, "0.0000003"), ("output", 3, "0.0000006")),
    _invoked("gpt-oss", "openai.gpt-oss-120b-1:0", ("input", 20, "0.00000015"), ("output", 6, "0.0000006")),
    _written(
        "w-mistral",
        "mistral",
        "chat",
        "mistral-small-latest",
        provider_bodies.MISTRAL,
        provider_bodies.MISTRAL_FIELDS,
        _MISTRAL_COST,
        batch=_halved(_MISTRAL_COST),
    ),
    _written(
        "w-mistral-stream",
        "mistral",
        "chat",
        "mistral-small-latest",
        provider_bodies.MISTRAL_STREAM,
        provider_bodies.MISTRAL_FIELDS,
        _MISTRAL_COST,
    ),
    _written(
        "w-ocr",
        "mistral",
        "ocr",
        "mistral-ocr-latest",
        provider_bodies.MISTRAL_OCR,
        {"units": {"pages": Decimal(3)}},
        _lines(("pages", 3, "0.004")),
    ),
    *(
        _written(
            f"w-cohere{end}",
            "cohere",
            "chat.v2",
            "command-a-03-2025",
            body,
            provider_bodies.COHERE_FIELDS,
            _COHERE_COST,
        )
        for end, body in (("", provider_bodies.COHERE), ("-stream", provider_bodies.COHERE_STREAM))
    ),
    _written(
        "w-rerank",
        "cohere",
        "rerank",
        "rerank-v3.5",
        provider_bodies.RERANKED,
        {"units": {"search_units": Decimal(2)}},
        _lines(("search_units", 2, "0.002")),
    ),
    _written("w-groq", "groq", "chat", "openai/gpt-oss-20b", _GROQ, _CHAT, _GROQ_COST, batch=_halved(_GROQ_COST)),
]
