"""Cohere's SDK, both versions of its API: billed units are the bill, not the tokens beside them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tokenbudget.capture.instrument import observers
from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.instrument.clients.methods import Method, MethodSdk, ObservedCall
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.core.providers import provider_at
from tokenbudget.diagnostics.unmeasured import Unmeasured

_UNITS = {
    "search_units": "search_units",
    "images": "input_images",
    "classifications": "classifications",
    "pages": "pages",
}
_BILLED = ("usage.billed_units", "meta.billed_units")
_READ = Reader(
    response_id=("id", "generation_id"),
    **{name: tuple(f"{place}.{name}" for place in _BILLED) for name in ("input_tokens", "output_tokens", *_UNITS)},
    input_image_tokens="meta.billed_units.image_tokens",
    text_tokens="meta.billed_units.text_tokens",
)


def _images(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add the tokens of images to those of texts: where these are not named apart, the input is them."""
    text = found.pop("text_tokens", None)
    if seen := found.get("input_image_tokens"):
        found["input_tokens"] = seen + (found.get("input_tokens", 0) if text is None else text)


def _units(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count what is billed by other units than tokens, in whole units where they are whole."""
    units = {ours: Decimal(str(count)) for theirs, ours in _UNITS.items() if (count := found.pop(theirs, None))}
    if units:
        found["units"] = units
    if "input_tokens" in found:
        found.setdefault("output_tokens", 0)


def billed_units_left_out(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Note that the billed units are unknown: some front ends pass on Cohere's own token counts, which are higher."""
    found["tools"] = {"billed_units": 1}


def _fold(answer: dict[str, Any], event: Fields) -> int:
    kind = event.get("type") or event.get("event_type")
    delta = event.get("delta") or {}
    if kind == "message-start":
        answer["id"] = event.get("id")
    elif kind == "message-end":
        answer.update(usage=delta.get("usage"), complete=True)
    elif kind == "stream-end":  # the first version of the API
        answer.update(event.get("response") or {}, complete=True)
    elif kind == "text-generation":
        return text_bytes(event.get("text") or "")
    return _written(fields(delta.get("message")))


def _written(message: Fields) -> int:
    content, calls = message.get("content"), message.get("tool_calls")
    texts = [message.get("tool_plan")]
    if isinstance(content, dict):
        texts += [content.get("text"), content.get("thinking")]
    if isinstance(calls, dict):
        texts += [calls.get("function", {}).get(name) for name in ("name", "arguments")]
    return sum(text_bytes(text) for text in texts if isinstance(text, str))


CHAT = Api(operation="chat", read=_READ, rules=(_units,), accumulate=_fold, adds=("units",))
EMBED = Api(operation="embeddings", read=_READ, rules=(_images, _units), adds=("units",))
RERANK = Api(operation="rerank", read=_READ, rules=(_units,), adds=("units",))
PARSE = Api(operation="parse", read=_READ, rules=(_units,), adds=("units",))
_ROUTES = {
    "chat": CHAT,
    "generate": CHAT,
    "summarize": CHAT,
    "embed": EMBED,
    "rerank": RERANK,
    "classify": RERANK,
    "parse": PARSE,
}
_UNMEASURED = {
    "embed-jobs": Unmeasured("embed_jobs.create", "a job embeds a data set, on the server"),
    "batches": Unmeasured("batches.create", "a batch is answered into a data set, on the server"),
    "finetuned-models": Unmeasured("finetuning.create_finetuned_model", "training is billed while it runs"),
    "transcriptions": Unmeasured("audio.transcriptions.create", "the answer does not state how long the sound was"),
}
"""End of a path that is posted to -> the call."""


def _asked(http: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedCall | Unmeasured | None:
    end = str(args[0] if args else kwargs.get("path") or "").rpartition("/")[2]
    if kwargs.get("method") != "POST":
        return None
    api = _ROUTES.get(end)
    if api is None:
        return _UNMEASURED.get(end)
    address = urlsplit(http.get_base_url(kwargs.get("base_url")))
    provider, region = provider_at(address.hostname or "", address.port)
    request = {name: value for name, value in (kwargs.get("json") or {}).items() if value is not ...}
    return ObservedCall(api=api, provider=provider or "cohere", request=request, region=region)


_HTTP = "cohere.core.http_client"
SDK = MethodSdk(
    name="cohere",
    clients=(
        *(f"cohere.client_v2.{prefix}ClientV2" for prefix in ("", "Async")),
        *(f"cohere.client.{prefix}Client" for prefix in ("", "Async")),
    ),
    apis=(CHAT, EMBED, RERANK, PARSE),
    unmeasured=_UNMEASURED.values(),
    methods=tuple(
        Method(owner=f"{_HTTP}.{prefix}HttpClient", name=name, asked=_asked, result=result)
        for prefix in ("", "Async")
        for name, result in (("request", observers.http), ("stream", observers.http_context))
    ),
    sends=tuple(f"{_HTTP}.{prefix}HttpClient.get_base_url" for prefix in ("", "Async")),
    places=("_client_wrapper.httpx_client",),
    guide=Guide(calls="sync, async, streams, raw responses", checked_with="5.13.12, 7.3.1"),
)
