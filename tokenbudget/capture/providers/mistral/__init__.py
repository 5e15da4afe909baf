"""Mistral's SDK: chat, code completion, agents, embeddings, OCR and transcription."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tokenbudget.capture.instrument import observers
from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.instrument.batches.batch_results import BatchLine, BatchReading
from tokenbudget.capture.instrument.clients.methods import Method, MethodSdk, ObservedCall
from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers import openai
from tokenbudget.capture.providers.mistral import sessions
from tokenbudget.capture.usage.fields import NONE, Fields, Reader, fields
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.capture.usage.totals import by_total
from tokenbudget.core.providers import provider_at
from tokenbudget.diagnostics.unmeasured import Unmeasured, by_end

_CHAT = openai.CHAT.read.but(
    service_tier="usage.service_tier",
    cache_read_tokens=(
        "usage.prompt_tokens_details.cached_tokens",
        "usage.prompt_token_details.cached_tokens",
        "usage.num_cached_tokens",
    ),
)


def _seconds_of_audio(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count seconds of sound; transcriptions are billed by them and not by the tokens that the total has for them."""
    by_total(found, found.pop("total_tokens", None), rest="input_audio_tokens")
    if seconds := found.get("audio_seconds"):
        found["units"] = {"audio_seconds": Decimal(str(seconds))}


def _pages(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count pages; those with annotations asked for cost more."""
    pages = found.pop("pages", None)
    if pages is not None:
        annotated = request.get("document_annotation_format") or request.get("bbox_annotation_format")
        found["units"] = {"pages": Decimal(pages)} | ({"annotation_pages": Decimal(pages)} if annotated else {})


def _connectors(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the calls of tools that Mistral runs and bills apart, and what they gave the model to read."""
    by_total(found, found.pop("total_tokens", None), beside=("tool_prompt_tokens",))
    if calls := fields(response.get("usage")).get("connectors"):
        found["tools"] = {name: int(count) for name, count in calls.items() if count}


def _answered_by(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Name the model that wrote: an agent is asked by its own id."""
    models = [model for output in response.get("outputs") or () if (model := fields(output).get("model"))]
    if models:
        found.setdefault("model", models[-1])


def _fold_transcription(answer: dict[str, Any], event: Fields) -> int:
    answer["model"] = event.get("model") or answer.get("model")
    accumulators.last_event(answer, event)
    return text_bytes(event.get("text") or "") if event.get("type") == "transcription.text.delta" else 0


def _fold_conversation(answer: dict[str, Any], event: Fields) -> int:
    kind = event.get("type")
    if kind == "conversation.response.done":
        answer.update(usage=event.get("usage"), complete=True)
    elif kind == "message.output.delta":
        answer["model"] = event.get("model") or answer.get("model")
        content = event.get("content")
        return text_bytes(content) if isinstance(content, str) else 0
    return 0


CHAT = openai.CHAT.derive(read=_CHAT, ask_for_usage=False)
FIM = CHAT.derive(operation="completions")
EMBEDDINGS = openai.EMBEDDINGS
RESPONSES = openai.RESPONSES
CONVERSATIONS = Api(
    operation="conversations",
    read=_CHAT.but(response_id="never", tool_prompt_tokens="usage.connector_tokens"),
    rules=(_connectors, _answered_by),
    accumulate=_fold_conversation,
    adds=("tools",),
)
TRANSCRIPTIONS = Api(
    operation="transcriptions",
    read=_CHAT,
    rules=(_seconds_of_audio,),
    accumulate=_fold_transcription,
    adds=("units",),
)
SPOKEN = Api(operation="speech", read=_CHAT, is_text=False)
OCR = Api(
    operation="ocr", read=Reader(model="model", pages="usage_info.pages_processed"), rules=(_pages,), adds=("units",)
)
_ROUTES = {
    "/chat/completions": CHAT,
    "/agents/completions": CHAT,
    "/fim/completions": FIM,
    "/embeddings": EMBEDDINGS,
    "/responses": RESPONSES,
    "/conversations": CONVERSATIONS,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/speech": openai.SPEECH,
    "/ocr": OCR,
}


def _batch_made(batch: Fields) -> tuple[str, Any]:
    return batch.get("output_file") or "", batch.get("created_at")


def _held(batch: Fields) -> Iterable[BatchLine]:
    """Return the results that a job has in itself when it is asked for them."""
    return filter(None, map(openai.batch_line, batch.get("outputs") or ()))


BATCHES = replace(openai.BATCHES, batch_part="/batch/jobs", made=_batch_made, held=_held)


_unmeasured = by_end(sessions.UNMEASURED)


def _asked(
    sdk: Any,  # noqa: ARG001
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> ObservedCall | BatchReading | Unmeasured | None:
    sent = kwargs["request"] if "request" in kwargs else args[1]
    path = sent.url.path
    if sent.method == "GET" and (path.endswith(BATCHES.results_end) or BATCHES.batch_part in path):
        return BatchReading(BATCHES, "mistral", None, path)
    api = next((api for end, api in _ROUTES.items() if sent.method == "POST" and path.endswith(end)), None)
    if api is None and "/conversations/" in path and sent.method == "POST":
        api = CONVERSATIONS
    if api is None:
        return _unmeasured(path) if sent.method == "POST" else None
    provider, region = provider_at(sent.url.host, sent.url.port)
    return ObservedCall(api=api, provider=provider or "mistral", request=_body(sent), region=region)


def _body(sent: Any) -> Fields:
    """Read a request's JSON; an upload is a form, which is there only while it is sent."""
    return observers.json_object(sent.content) if "json" in sent.headers.get("content-type", "") else NONE


def _shared(sdk: Any) -> Any:
    """Return what all resources of a client share."""
    return sdk.sdk_configuration


SDK = MethodSdk(
    name="mistralai",
    clients=("mistralai.client.sdk.Mistral", "mistralai.sdk.Mistral"),
    apis=(CHAT, FIM, EMBEDDINGS, RESPONSES, CONVERSATIONS, TRANSCRIPTIONS, openai.SPEECH, SPOKEN, OCR),
    openings=(
        sessions.opening("transcription.RealtimeTranscription", TRANSCRIPTIONS),
        sessions.opening("speech.RealtimeSpeech", SPOKEN),
    ),
    unmeasured=sessions.UNMEASURED.values(),
    methods=tuple(
        Method(
            owner=f"{home}.basesdk.BaseSDK",
            name=name,
            asked=_asked,
            result=observers.http,
            read=BatchReading.answered_raw,
            marked=_shared,
        )
        for home in ("mistralai.client", "mistralai")
        for name in ("do_request", "do_request_async")
    ),
    sends=tuple(f"{home}._hooks.sdkhooks.SDKHooks.before_request" for home in ("mistralai.client", "mistralai")),
    places=("sdk_configuration",),
    packages=("mistralai.client", "mistralai"),
    guide=Guide(calls="sync, async, streams, batch results, realtime sessions", checked_with="1.5.0, 3.7.0"),
)
