"""Groq's own SDK: OpenAI's shapes, with usage in the last chunk of every stream."""

from __future__ import annotations

from tokenbudget.capture.instrument.clients.stainless import StainlessSdk
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers import openai
from tokenbudget.capture.providers.openai import BATCHES, EMBEDDINGS, SPEECH, TRANSCRIPTIONS

CHAT = openai.CHAT.derive(ask_for_usage=False)

SDK = StainlessSdk(
    name="groq",
    clients=("Groq", "AsyncGroq"),
    provider="groq",
    routes={
        "/chat/completions": CHAT,
        "/embeddings": EMBEDDINGS,
        "/audio/transcriptions": TRANSCRIPTIONS,
        "/audio/translations": TRANSCRIPTIONS,
        "/audio/speech": SPEECH,
    },
    batches=BATCHES,
    guide=Guide(calls="sync, async, streams, raw responses, batch results", checked_with="0.18.0, 1.7.0"),
)
