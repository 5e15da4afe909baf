"""Ways that an answer comes to a caller, each gone with the provider's own client: parsed, streamed, raw, in a batch.

A way applies to a recording by a rule, never by a list: an answer that came as a stream is streamed, clients that give
raw responses give them, and what a provider's batches can hold is read as a line of their results.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tokenbudget as tb
from tests.integration.capture import sdks
from tests.integration.capture.local_server import LocalServer
from tests.integration.capture.wire import Reply, Wire, client_of
from tests.recordings.corpus import Recording
from tokenbudget.capture import registry, seen_ids
from tokenbudget.capture.instrument.clients.stainless import StainlessSdk
from tokenbudget.core.event import Event
from tokenbudget.core.usage import Usage
from tokenbudget.pricing import default
from tokenbudget.pricing.book import fee_list
from tokenbudget.testing import capture_events

_FILE = ("sound.wav", b"RIFF")
_OURS = {"model", "stream", "builtin_tools", "search_context_size"}
"""Of a recorded request, what is given in another way or is a note."""
_LOCATION = re.compile(r"/locations/([^/]+)/")
_REGION = re.compile(r"bedrock-runtime\.([^.]+)\.")


@dataclass(frozen=True)
class Calling:
    """A method of a client, and what it is given beside the model."""

    resource: str
    method: str
    given: dict[str, Any]


_STAINLESS = {
    "chat": Calling("chat.completions", "create", {"messages": sdks.HI}),
    "completions": Calling("completions", "create", {"prompt": "hi"}),
    "embeddings": Calling("embeddings", "create", {"input": "hi", "encoding_format": "float"}),
    "images": Calling("images", "edit", {"image": _FILE, "prompt": "hi"}),
    "responses": Calling("responses", "create", {"input": "hi"}),
    "responses.compact": Calling("responses", "compact", {"input": "hi"}),
    "transcriptions": Calling("audio.transcriptions", "create", {"file": _FILE}),
    "messages": Calling("messages", "create", {"messages": sdks.HI, "max_tokens": 9}),
}
"""Calls of the clients that Stainless makes, by the API's name."""
_ROUTE = re.compile(
    r"/(chat/completions|completions|embeddings|images/\w+|responses|responses/compact|audio/transcriptions|v1/messages)$"
)


def replayed(recording: Recording, way: str, server: LocalServer) -> Event:
    """Have a client of the provider's own get a recorded answer in a way, and give the one event of it."""
    seen_ids.forget()
    with capture_events() as events:
        WAYS[way].go(recording, server)
    (event,) = events
    return event


@dataclass(frozen=True)
class Way:
    """How an answer comes to a caller.

    Attributes
    ----------
    applies : callable
        Whether an answer can come so; its docstring is the rule, as people read it.
    go : callable
        Have it come so.
    """

    applies: Callable[[Recording], bool]
    go: Callable[[Recording, LocalServer], object]


# Clients


def _stainless(recording: Recording, *answers: Any) -> Any:
    """Connect a client that Stainless made to the host that was recorded, over a network in memory."""
    name = recording.provider if _has_its_own(recording.provider) else "openai"
    sdk = importlib.import_module(name)
    cls = getattr(sdk, registry.sdk(name).clients[0])
    address = f"https://{recording.host}{_ROUTE.sub('', recording.path)}"
    if name == "groq":
        address = address.removesuffix("/openai/v1")
    return cls(api_key="unused", base_url=address, http_client=client_of(sdk, Wire(*answers)), max_retries=0)


def _has_its_own(provider: str) -> bool:
    """Return whether a provider has a client of its own that Stainless made; most share OpenAI's."""
    return isinstance(registry.packages().get(provider), StainlessSdk)


def _connect(recording: Recording, server: LocalServer) -> Any:
    """Connect a client of another make to the server of these tests."""
    provider = recording.provider
    if provider == "vertex":
        return sdks.vertex(server.url, location=_LOCATION.search(recording.path)[1])
    if provider == "bedrock":
        return sdks.bedrock(server.url, region=_REGION.search(recording.host)[1])
    return {"google": sdks.gemini, "mistral": sdks.mistral, "cohere": sdks.cohere}[provider](server.url)


def _is_stainless(recording: Recording) -> bool:
    return recording.api in _STAINLESS and recording.provider not in {"mistral", "bedrock"}


def _given(recording: Recording) -> tuple[Calling, dict[str, Any]]:
    calling = _STAINLESS[recording.api]
    options = {name: value for name, value in recording.request.items() if name not in _OURS}
    given = {"model": recording.model, **calling.given, "extra_body": options}
    return calling, given | ({"stream": True} if recording.is_stream else {})


def _resource(client: Any, calling: Calling) -> Any:
    for name in calling.resource.split("."):
        client = getattr(client, name)
    return client


# Parsed answers, and streams


def parsed(recording: Recording, server: LocalServer, wrap: Callable[[Any], Any] = tb.wrap) -> Any:
    """Have a client give the answer as it parses it, or all items of the stream."""
    # The client has to outlive its streams.
    if _is_stainless(recording):
        client = wrap(_stainless(recording, recording.sent))
        calling, given = _given(recording)
        result = getattr(_resource(client, calling), calling.method)(**given)
    else:
        server.answer(recording.sent)
        client = wrap(_connect(recording, server))
        result = _ask(client, recording)
    return list(result) if recording.is_stream else result


def _ask(client: Any, recording: Recording) -> Any:
    """Call the method of a client of another make that the API has, the streaming one for a stream."""
    ask, ask_for_stream = _METHODS[recording.api]
    return (ask_for_stream if recording.is_stream else ask)(client, recording.model)


_METHODS: dict[str, tuple[Any, Any]] = {
    "generateContent": (
        lambda c, model: c.models.generate_content(model=model, contents="hi"),
        lambda c, model: c.models.generate_content_stream(model=model, contents="hi"),
    ),
    "embedContent": (lambda c, model: c.models.embed_content(model=model, contents="hi"), None),
    "interactions": (
        lambda c, model: c.interactions.create(model=model, input="hi"),
        lambda c, model: c.interactions.create(model=model, input="hi", stream=True),
    ),
    "converse": (
        lambda c, model: c.converse(modelId=model, messages=sdks.TALK),
        lambda c, model: c.converse_stream(modelId=model, messages=sdks.TALK)["stream"],
    ),
    "invoke": (
        lambda c, model: json.loads(c.invoke_model(modelId=model, body="{}")["body"].read()),
        lambda c, model: c.invoke_model_with_response_stream(modelId=model, body="{}")["body"],
    ),
    "chat": (  # Mistral's
        lambda c, model: c.chat.complete(model=model, messages=sdks.HI),
        lambda c, model: c.chat.stream(model=model, messages=sdks.HI),
    ),
    "ocr": (
        lambda c, model: c.ocr.process(
            model=model, document={"type": "document_url", "document_url": "https://example.com/"}
        ),
        None,
    ),
    "chat.v2": (
        lambda c, model: c.chat(model=model, messages=sdks.HI),
        lambda c, model: c.chat_stream(model=model, messages=sdks.HI),
    ),
    "rerank": (lambda c, model: c.rerank(model=model, query="hi", documents=["hi"]), None),
}
"""Calls of the other clients, for an answer and for a stream, by the API's name."""


def _came_whole(recording: Recording) -> bool:
    """The answer came whole."""
    return not recording.is_stream


def _came_as_a_stream(recording: Recording) -> bool:
    """The answer came as a stream."""
    return recording.is_stream


# Raw responses


def _gives_raw_responses(recording: Recording) -> bool:
    """The client has `with_raw_response`."""
    return _is_stainless(recording) or recording.provider == "cohere"


def _raw(recording: Recording, server: LocalServer) -> None:
    if not _is_stainless(recording):
        server.answer(recording.sent)
        client = tb.wrap(_connect(recording, server))
        _raw_cohere(client.with_raw_response, recording)
        return
    calling, given = _given(recording)
    resource = _resource(tb.wrap(_stainless(recording, recording.sent)), calling)
    if recording.is_stream:
        with getattr(resource.with_streaming_response, calling.method)(**given) as response:
            list(response.iter_lines())
    else:
        getattr(resource.with_raw_response, calling.method)(**given).parse()


def _raw_cohere(client: Any, recording: Recording) -> None:
    if recording.is_stream:
        with client.chat_stream(model=recording.model, messages=sdks.HI) as response:
            list(response.data)
    else:
        _ask(client, recording)


# Batches


_IN_BATCHES = {
    "openai": {"chat", "completions", "embeddings", "responses"},
    "azure": {"chat", "completions", "embeddings", "responses"},
    "groq": {"chat"},
    "mistral": {"chat"},
    "anthropic": {"messages"},
    "google": {"generateContent"},
}
"""What the batches of a provider can hold, where its client hands their results out."""
_OTHER_TIERS = {"flex", "priority"}


def _may_be_in_a_batch(recording: Recording) -> bool:
    """The answer came whole and names its model, the provider's batches can hold it and have a price, and no other tier
    served it.
    """
    return (
        not recording.is_stream
        and recording.api in _IN_BATCHES.get(recording.provider, ())
        and _model_in(recording.response) is not None
        and tier_of(recording.response) not in _OTHER_TIERS
        and _has_batch_price(recording)
    )


def tier_of(body: dict[str, Any]) -> str:
    """Return the service tier that an answer names, wherever it does, as the price table calls it."""
    places = (body, body.get("usage") or {}, body.get("usageMetadata") or {})
    names = ("service_tier", "serviceTier", "trafficType")
    return fee_list.tier_of(next((place[name] for place in places for name in names if place.get(name)), None))


def _has_batch_price(recording: Recording) -> bool:
    """Return whether the price table, or the provider for all its models, states what a batch costs."""
    if fee_list.of_standard(recording.provider, "batch") is not None:
        return True
    tokens = Usage(input_tokens=1, output_tokens=1)
    priced = default().price(recording.provider, _model_in(recording.response) or recording.model, tokens)
    row = default().book.latest(getattr(priced, "price_key", ""))
    return row is not None and any("batches" in name for name in row.fields())


def _model_in(body: dict[str, Any]) -> str | None:
    return body.get("model") or body.get("modelVersion")


def _in_a_batch(recording: Recording, server: LocalServer) -> None:
    """Read the results of a batch with this answer in it."""
    body, provider = recording.response, recording.provider
    if provider == "anthropic":
        results = _jsonl({"custom_id": "0", "result": {"type": "succeeded", "message": body}})
        list(tb.wrap(_stainless(recording, _ENDED, results)).messages.batches.results("batch"))
    elif provider == "google":
        _serve(server, {"key": "0", "response": body})
        client = tb.wrap(_connect(recording, server))
        client.files.download(file="files/batch-b1")
    else:
        line = {"id": "line_0", "custom_id": "0", "response": {"status_code": 200, "body": body}}
        if provider == "mistral":
            _serve(server, line)
            tb.wrap(_connect(recording, server)).files.download(file_id="file-1").read()
        else:
            tb.wrap(_stainless(recording, _jsonl(line))).files.content("file-1")


_ENDED = {
    "id": "batch",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0),
    "created_at": "2026-11-01T10:00:00Z",
    "expires_at": "2026-11-02T10:00:00Z",
    "ended_at": None,
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": "https://api.anthropic.com/v1/messages/batches/batch/results",
}


def _jsonl(line: dict[str, Any]) -> Reply:
    content = json.dumps(line).encode() + b"\n"
    return Reply(content=content, headers={"content-type": "application/x-jsonl"})


def _serve(server: LocalServer, line: dict[str, Any]) -> None:
    server.answer([json.dumps(line).encode()], **{"content-type": "application/octet-stream"})


WAYS = {
    "live": Way(_came_whole, parsed),
    "stream": Way(_came_as_a_stream, parsed),
    "raw": Way(_gives_raw_responses, _raw),
    "batch": Way(_may_be_in_a_batch, _in_a_batch),
}
