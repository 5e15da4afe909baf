"""Groq's own SDK: OpenAI's shapes, with usage in the last chunk of every stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokenbudget.capture.api import never
from tokenbudget.capture.providers.openai import BATCHES, CHAT, EMBEDDINGS, SPEECH, TRANSCRIPTIONS
from tokenbudget.capture.stainless import StainlessSdk


def _asks_for_usage(client: Any, provider: str) -> bool:  # noqa: ARG001
    """Never: Groq states the usage of a stream unasked."""
    return False


SDK = StainlessSdk(
    name="groq",
    clients=("Groq", "AsyncGroq"),
    provider="groq",
    routes={
        "/chat/completions": replace(CHAT, usual=never),  # the tools it ran are in the message
        "/embeddings": EMBEDDINGS,
        "/audio/transcriptions": TRANSCRIPTIONS,
        "/audio/translations": TRANSCRIPTIONS,
        "/audio/speech": SPEECH,
    },
    batches=BATCHES,
    asks_for_usage=_asks_for_usage,
)
