"""Mistral's SDK: chat, code completion, agents, embeddings, OCR and transcription."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tokenbudget.capture import folds, results
from tokenbudget.capture.api import Api, Found
from tokenbudget.capture.batches import Line, Reading
from tokenbudget.capture.estimate import text_bytes
from tokenbudget.capture.fields import Fields, Reader, fields
from tokenbudget.capture.hosts import provider_at
from tokenbudget.capture.methods import Asked, Method, MethodSdk
from tokenbudget.capture.providers import openai

_CHAT = openai.CHAT.read.but(service_tier="usage.service_tier")


def _seconds_of_audio(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count seconds of sound; transcriptions are billed by them and not by tokens."""
    if (seconds := found.pop("seconds", None)) is not None:
        found["units"] = {"audio_seconds": Decimal(str(seconds))}


def _pages(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count pages; those with annotations asked for cost more."""
    pages = found.pop("pages", None)
    if pages is not None:
        annotated = request.get("document_annotation_format") or request.get("bbox_annotation_format")
        found["units"] = {"pages": Decimal(pages)} | ({"annotation_pages": Decimal(pages)} if annotated else {})


def _connectors(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the calls of tools that Mistral runs and bills apart."""
    if calls := fields(response.get("usage")).get("connectors"):
        found["tools"] = {name: int(count) for name, count in calls.items() if count}


def _fold_conversation(answer: dict[str, Any], event: Fields) -> int:
    kind = event.get("type")
    if kind == "conversation.response.done":
        answer.update(usage=event.get("usage"), complete=True)
    elif kind == "message.output.delta":
        answer["model"] = event.get("model") or answer.get("model")
        content = event.get("content")
        return text_bytes(content) if isinstance(content, str) else 0
    return 0


CHAT = replace(openai.CHAT, read=_CHAT, ask_for_usage=False)
FIM = replace(CHAT, operation="completions")
EMBEDDINGS = openai.EMBEDDINGS
CONVERSATIONS = Api(
    operation="conversations",
    read=_CHAT.but(response_id="never", model=("model", "outputs.model")),
    rules=(_connectors,),
    fold=_fold_conversation,
    adds=("tools",),
)
TRANSCRIPTIONS = Api(
    operation="transcriptions",
    read=_CHAT.but(seconds="usage.prompt_audio_seconds"),
    rules=(_seconds_of_audio,),
    fold=folds.last_event,
    adds=("units",),
)
OCR = Api(
    operation="ocr", read=Reader(model="model", pages="usage_info.pages_processed"), rules=(_pages,), adds=("units",)
)
_ROUTES = {
    "/chat/completions": CHAT,
    "/agents/completions": CHAT,
    "/fim/completions": FIM,
    "/embeddings": EMBEDDINGS,
    "/conversations": CONVERSATIONS,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/ocr": OCR,
}


def _batch_made(batch: Fields) -> tuple[str, Any]:
    return batch.get("output_file") or "", batch.get("created_at")


def _held(batch: Fields) -> Iterable[Line]:
    """Give the results that a job has in itself when it is asked for them."""
    return filter(None, map(openai.batch_line, batch.get("outputs") or ()))


BATCHES = replace(openai.BATCHES, batch_part="/batch/jobs", made=_batch_made, held=_held)


def _asked(sdk: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Asked | Reading | None:  # noqa: ARG001
    sent = kwargs["request"] if "request" in kwargs else args[1]
    path = sent.url.path
    if sent.method == "GET" and (path.endswith(BATCHES.results_end) or BATCHES.batch_part in path):
        return Reading(BATCHES, "mistral", None, path)
    api = next((api for end, api in _ROUTES.items() if sent.method == "POST" and path.endswith(end)), None)
    if api is None and "/conversations/" in path and sent.method == "POST":
        api = CONVERSATIONS
    if api is None:
        return None
    provider, region = provider_at(sent.url.host, sent.url.port)
    return Asked(api=api, provider=provider or "mistral", request=results.json_object(sent.content), region=region)


def _shared(sdk: Any) -> Any:
    """Give what all resources of a client share."""
    return sdk.sdk_configuration


SDK = MethodSdk(
    name="mistralai",
    clients=("mistralai.client.sdk.Mistral", "mistralai.sdk.Mistral"),
    apis=(CHAT, FIM, EMBEDDINGS, CONVERSATIONS, TRANSCRIPTIONS, OCR),
    methods=tuple(
        Method(
            owner=f"{home}.basesdk.BaseSDK",
            name=name,
            asked=_asked,
            result=results.http,
            read=Reading.answered_raw,
            marked=_shared,
        )
        for home in ("mistralai.client", "mistralai")
        for name in ("do_request", "do_request_async")
    ),
    sends=tuple(f"{home}._hooks.sdkhooks.SDKHooks.before_request" for home in ("mistralai.client", "mistralai")),
    places=("sdk_configuration",),
)
