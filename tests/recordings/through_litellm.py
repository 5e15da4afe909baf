"""Recorded answers through LiteLLM's functions, which turn each into its own shape."""

from __future__ import annotations

from typing import Any

from tests.integration.capture.local_server import LocalServer
from tests.recordings.corpus import Recording
from tokenbudget.capture import recent
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
    """LiteLLM has a function for the API."""
    return recording.api in _FUNCTIONS


def through_litellm(litellm: Any, recording: Recording, server: LocalServer) -> Event:
    """Have a function of LiteLLM's get an answer, and give the one event of it."""
    recent.forget()
    server.answer(recording.sent)
    name, given = _FUNCTIONS[recording.api]
    prefix = _PREFIXES.get(recording.provider, recording.provider)
    asked = {"model": f"{prefix}/{recording.model}", **given, **_address(recording, server)}
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
