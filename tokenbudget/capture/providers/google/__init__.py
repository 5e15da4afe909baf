"""Google's Gen AI SDK: the Gemini API and Vertex AI."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import observers
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.batches.batch_results import BatchApi, BatchLine, BatchReading
from tokenbudget.capture.instrument.batches.downloads import BatchDownload
from tokenbudget.capture.instrument.clients.methods import Method, MethodSdk, ObservedCall
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers.google import sessions
from tokenbudget.capture.providers.google import usage as rules
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.diagnostics.unmeasured import Unmeasured

_GENERATE = Reader(
    model="modelVersion",
    response_id="responseId",
    service_tier=("usageMetadata.serviceTier", "usageMetadata.trafficType"),
    input_tokens="usageMetadata.promptTokenCount",
    output_tokens="usageMetadata.candidatesTokenCount",
    cache_read_tokens="usageMetadata.cachedContentTokenCount",
    tool_prompt_tokens="usageMetadata.toolUsePromptTokenCount",
    reasoning_tokens="usageMetadata.thoughtsTokenCount",
    total_tokens="usageMetadata.totalTokenCount",
)
_INTERACTION = Reader(
    model="model",
    response_id="id",
    service_tier="service_tier",
    input_tokens="usage.total_input_tokens",
    output_tokens="usage.total_output_tokens",
    cache_read_tokens="usage.total_cached_tokens",
    tool_prompt_tokens="usage.total_tool_use_tokens",
    reasoning_tokens="usage.total_thought_tokens",
    total_tokens="usage.total_tokens",
)

GENERATE = Api(
    operation="chat",
    read=_GENERATE,
    rules=(rules.whole_sides, rules.modalities, rules.grounding),
    accumulate=rules.fold_generate,
    adds=rules.MODALITY_FIELDS,
)
EMBED = Api(
    operation="embeddings",
    read=_GENERATE,
    rules=(rules.embedding, rules.modalities),
    adds=("input_audio_tokens", "input_image_tokens", "input_video_tokens"),
)
IMAGES = Api(operation="images", read=Reader(), rules=(rules.images,), adds=("units",))
INTERACTIONS = Api(
    operation="interactions",
    read=_INTERACTION,
    rules=(rules.whole_sides, rules.interaction_modalities, rules.interaction_tools),
    accumulate=rules.fold_interaction,
    skip=rules.is_pending,
    adds=rules.MODALITY_FIELDS,
)
FETCHED_INTERACTIONS = INTERACTIONS.derive(rules=(*INTERACTIONS.rules, rules.fetched_often), skip=rules.was_not_pending)
DECISIONS = INTERACTIONS.derive(operation="decisions", skip=None)
LIVE = sessions.live(GENERATE)
_BY_VERB = {
    "generateContent": GENERATE,
    "streamGenerateContent": GENERATE,
    "embedContent": EMBED,
    "batchEmbedContents": EMBED,
    "predictLongRunning": sessions.BEGUN_VIDEOS,
}
_PATH = re.compile(r"(?:.*/)?(?P<model>[^/:]+):(?P<verb>\w+)(?:\?.*)?")
_LOCATION = re.compile(r"/locations/([^/]+)/")


def _batch_line(line: Fields) -> BatchLine | None:
    answer = fields(line.get("response"))
    key = answer.get("responseId")
    return BatchLine(key=str(key), api=GENERATE, body=answer) if key and "usageMetadata" in answer else None


def _batch_made(batch: Fields) -> tuple[str, Any]:
    known = fields(batch.get("metadata"))
    return fields(known.get("output")).get("responsesFile") or "", known.get("createTime")


def _held(batch: Fields) -> Iterable[BatchLine]:
    """Return the results of a batch whose requests were in it and not in a file."""
    known = fields(batch.get("metadata"))
    output = fields(known.get("output"))
    for one in _inlined(output, "inlinedResponses"):
        if line := _batch_line(fields(one)):
            yield line
    model = str(known.get("model") or "").removeprefix("models/")
    for number, one in enumerate(_inlined(output, "inlinedEmbedContentResponses")):
        if count := fields(fields(one).get("response")).get("tokenCount"):
            body = {"modelVersion": model, "usageMetadata": {"promptTokenCount": int(count)}}
            yield BatchLine(key=f"{batch.get('name')} {number}", api=EMBED, body=body)


def _inlined(output: Fields, name: str) -> Iterable[Any]:
    return fields(output.get(name)).get("inlinedResponses") or ()


BATCHES = BatchApi(
    results_end=":download", line=_batch_line, batch_part="batches/", made=_batch_made, held=_held, mark="key"
)


def _asked(
    api_client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> ObservedCall | BatchReading | Unmeasured | None:
    named = {**dict(zip(("http_method", "path", "request_dict"), args, strict=False)), **kwargs}
    path, request = named["path"].partition("?")[0], named["request_dict"]
    is_get = named["http_method"] == "get"
    if is_get and f"{path}/".startswith(BATCHES.batch_part):
        return BatchReading(BATCHES, "google", None, path)
    match = _PATH.fullmatch(path)
    api, model = (_api(match["verb"], request), match["model"]) if match else (None, None)
    if api is None and (video := sessions.begun(path, request)):
        api, model, request = sessions.VIDEOS, video["model"], video
    if api is None:
        return None if is_get else sessions.unmeasured(path)
    if api is sessions.BEGUN_VIDEOS:
        request = {**request, "model": model}
    provider, region = ("vertex", api_client.location) if api_client.vertexai else ("google", None)
    return ObservedCall(api=api, provider=provider, request=request, model=model, region=region)


def _api(verb: str, request: Mapping[str, Any]) -> Api | None:
    if verb != "predict":
        return _BY_VERB.get(verb)
    # Vertex's older embedding models take texts, Imagen and its kin take prompts and images.
    return EMBED if any("content" in fields(one) for one in request.get("instances") or ()) else IMAGES


def _asked_interaction(http: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedCall | None:  # noqa: ARG001
    sent = args[0] if args else kwargs["request"]
    parent, _, last = sent.url.path.rpartition("/")
    if sent.method == "POST":
        api = {"interactions": INTERACTIONS, "decisions": DECISIONS}.get(last)
    else:
        api = FETCHED_INTERACTIONS if sent.method == "GET" and parent.endswith("/interactions") else None
    if api is None:
        return None
    location = _LOCATION.search(sent.url.path)
    request = observers.json_object(sent.content)
    model = str(request["model"]).removeprefix("models/") if request.get("model") else None
    provider, region = ("vertex", location[1]) if location else ("google", None)
    return ObservedCall(api=api, provider=provider, request=request, model=model, region=region)


def _asked_file(api_client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> BatchReading:  # noqa: ARG001
    path = str(args[0] if args else kwargs["path"]).partition("?")[0]
    place = kwargs.get("destination")
    if not (isinstance(place, str | os.PathLike) or hasattr(place, "write")):
        return BatchReading(BATCHES, "google", None, path)
    download = BatchDownload(BATCHES, "google", path, place)
    kwargs["destination"] = download.place
    return download


def _read_file(reading: BatchReading, content: Any) -> None:
    """Take what was downloaded, here or to a place of the caller's."""
    reading.answered(content)


def _read_batch(reading: BatchReading, response: Any) -> None:
    """Take a batch, or a list of them, that hold their results."""
    body = rules.body_of(fields(response))
    for batch in body.get("operations") or (body,):
        reading.answered(batch)


def _body(response: Any, call: Call) -> Any:
    call.answered(rules.body_of(fields(response)))
    return response


_CLIENT = "google.genai._api_client"
SDK = MethodSdk(
    name="google.genai",
    clients=("google.genai.client.Client",),
    apis=(GENERATE, EMBED, IMAGES, INTERACTIONS, DECISIONS, LIVE, sessions.VIDEOS),
    openings=sessions.openings(LIVE),
    unmeasured=(*dict.fromkeys(sessions.UNMEASURED.values()), sessions.MUSIC),
    methods=(
        Method(owner=f"{_CLIENT}.BaseApiClient", name="request", asked=_asked, result=_body, read=_read_batch),
        Method(owner=f"{_CLIENT}.BaseApiClient", name="async_request", asked=_asked, result=_body, read=_read_batch),
        Method(owner=f"{_CLIENT}.BaseApiClient", name="request_streamed", asked=_asked, result=observers.items),
        Method(owner=f"{_CLIENT}.BaseApiClient", name="async_request_streamed", asked=_asked, result=observers.items),
        Method(owner=f"{_CLIENT}.BaseApiClient", name="download_file", asked=_asked_file, read=_read_file),
        Method(owner=f"{_CLIENT}.BaseApiClient", name="async_download_file", asked=_asked_file, read=_read_file),
        # Interactions have a client of their own, which takes only the HTTP client from this one.
        *(
            Method(owner=f"{_CLIENT}.{kind}{http}Client", name="send", asked=_asked_interaction, result=observers.http)
            for kind in ("Sync", "Async")
            for http in ("Httpx", "Httpx2")
        ),
    ),
    sends=tuple(f"{_CLIENT}.BaseApiClient.{name}" for name in ("_request_once", "_async_request_once")),
    places=("_api_client", "_api_client._httpx_client", "_api_client._async_httpx_client"),
    guide=Guide(
        calls="sync, `aio`, streams, chats, batch results, live sessions",
        checked_with="1.10.0, 3.4.0",
        wrap="tb.wrap(genai.Client())",
        around=("google.generativeai", "vertexai"),
    ),
)
