"""Recorded answers through LiteLLM's functions, which turn each into its own shape."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from tests.integration.capture.local_server import LocalServer
from tests.recordings.corpus import Recording
from tokenbudget.capture import seen_ids
from tokenbudget.core.event import Event
from tokenbudget.testing import capture_events

_HI = [{"role": "user", "content": "hi"}]
_PREFIXES = {
    "google": "gemini",
    "vertex": "vertex_ai",
    "cohere": "cohere_chat",
}
"""Where LiteLLM's name of a provider is not ours."""
_FUNCTIONS = {
    "chat": ("completion", {"messages": _HI}),
    "messages": ("completion", {"messages": _HI}),
    "generateContent": ("completion", {"messages": _HI}),
    "converse": ("completion", {"messages": _HI}),
    "chat.v2": ("completion", {"messages": _HI}),
    "completions": ("text_completion", {"prompt": "hi"}),
    "responses": ("responses", {"input": "hi"}),
    "embeddings": ("embedding", {"input": ["hi"]}),
    "transcriptions": ("transcription", {"file": ("sound.wav", b"RIFF")}),
}
"""LiteLLM's function for an API."""


def litellm_has_it(recording: Recording) -> bool:
    """LiteLLM has a function for the API, and what it takes for it; the provider states usage, else LiteLLM counts.

    It needs Google's own library for Vertex, and reads Cohere's streams as if they were not events.
    """
    needs_google = recording.provider == "vertex" and find_spec("google") is None
    is_unread = recording.provider == "cohere" and recording.is_stream
    return recording.api in _FUNCTIONS and not needs_google and not is_unread and bool(recording.used)


_LEFT_OUT = {"cache_read_audio_tokens", "input_image_tokens"}


def said(recording: Recording, used: dict[str, Any]) -> dict[str, Any]:
    """Keep of a usage what LiteLLM hands on: of cached input not what it is, of Cohere's tokens not what is billed."""
    left_out = _LEFT_OUT | ({"input_audio_tokens"} if "cache_read_audio_tokens" in recording.used else set())
    left_out |= {"input_tokens", "output_tokens", "tools"} if recording.provider == "cohere" else set()
    return {name: count for name, count in used.items() if name not in left_out}


def litellm_says_the_price(recording: Recording) -> bool:
    """LiteLLM hands on all that the price depends on; it leaves out Gemini's tier, and Bedrock's of streams."""
    if recording.provider == "bedrock" and recording.is_stream and "serviceTier" in str(recording.sent):
        return False
    return not recording.names_a_tier and said(recording, recording.used) == recording.used


def through_litellm(litellm: Any, recording: Recording, server: LocalServer, **more: Any) -> Event:
    """Have a function of LiteLLM's get an answer, and give the one event of it."""
    seen_ids.forget()
    server.answer(recording.sent)
    name, given = _FUNCTIONS[recording.api]
    prefix = _PREFIXES.get(recording.provider, recording.provider)
    asked = {"model": f"{prefix}/{recording.model}", **given, **_address(recording, server), **more}
    if recording.is_stream:
        asked["stream"] = True
    with capture_events() as events:
        result = getattr(litellm, name)(**asked)
        if recording.is_stream:
            list(result)
    (event,) = events
    return event


def _address(recording: Recording, server: LocalServer) -> dict[str, Any]:
    if recording.provider == "bedrock":
        region = recording.host.split(".")[1]
        keys = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused", "aws_region_name": region}
        return {"aws_bedrock_runtime_endpoint": server.url, **keys}
    if recording.provider == "azure":
        return {"api_base": server.url, "api_key": "unused", "api_version": "2025-01-01-preview"}
    return {"api_base": server.url, "api_key": "unused"}
