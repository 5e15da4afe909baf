"""OpenAI's SDK: OpenAI, Azure, and every server that speaks OpenAI's protocol."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.batches.batch_results import BatchApi, BatchLine
from tokenbudget.capture.instrument.clients.stainless import StainlessSdk
from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers.openai import usage as rules
from tokenbudget.capture.providers.openai.fast_reader import fast_chat_reader
from tokenbudget.capture.providers.openai.server_tools import server_tools, svg_authors
from tokenbudget.capture.providers.openai.sessions import connects
from tokenbudget.capture.providers.openai.unmeasured import UNMEASURED
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.capture.usage.totals import stated_total

_ANSWER = Reader(
    model="model",
    response_id="id",
    service_tier="service_tier",
)
_BILL: dict[str, str | tuple[str, ...]] = {
    "cost": ("usage.cost", "usage.estimated_cost"),
    "ticks": "usage.cost_in_usd_ticks",
}
_CHAT = _ANSWER.but(
    input_tokens="usage.prompt_tokens",
    output_tokens="usage.completion_tokens",
    cache_read_tokens=(
        "usage.prompt_tokens_details.cached_tokens",
        "usage.prompt_cache_hit_tokens",
        "usage.cached_tokens",
        "usage.num_cached_tokens",
    ),
    cache_write_tokens=(
        "usage.prompt_tokens_details.cache_write_tokens",
        "usage.prompt_tokens_details.cache_creation_input_tokens",
    ),
    input_audio_tokens="usage.prompt_tokens_details.audio_tokens",
    input_image_tokens="usage.prompt_tokens_details.image_tokens",
    input_video_tokens="usage.prompt_tokens_details.video_tokens",
    cache_read_audio_tokens="usage.prompt_tokens_details.cached_tokens_details.audio_tokens",
    reasoning_tokens=("usage.completion_tokens_details.reasoning_tokens", "usage.reasoning_tokens"),
    output_audio_tokens="usage.completion_tokens_details.audio_tokens",
    output_image_tokens="usage.completion_tokens_details.image_tokens",
    accepted_prediction_tokens="usage.completion_tokens_details.accepted_prediction_tokens",
    rejected_prediction_tokens="usage.completion_tokens_details.rejected_prediction_tokens",
    citation_tokens="usage.citation_tokens",
    total_tokens="usage.total_tokens",
    search_context="usage.search_context_size",
    search_queries="usage.num_search_queries",
    live_sources="usage.num_sources_used",
    audio_seconds="usage.prompt_audio_seconds",
    **_BILL,
)
_RESPONSES = _ANSWER.but(
    input_tokens="usage.input_tokens",
    output_tokens="usage.output_tokens",
    cache_read_tokens=(
        "usage.input_tokens_details.cached_tokens",
        "usage.input_tokens_details.cache_read_input_tokens",
    ),
    cache_write_tokens=(
        "usage.input_tokens_details.cache_write_tokens",
        "usage.input_tokens_details.cache_creation_input_tokens",
    ),
    cache_write_12h_tokens="usage.input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
    input_audio_tokens=("usage.input_tokens_details.audio_tokens", "usage.input_token_details.audio_tokens"),
    input_image_tokens="usage.input_tokens_details.image_tokens",
    reasoning_tokens="usage.output_tokens_details.reasoning_tokens",
    output_image_tokens="usage.output_tokens_details.image_tokens",
    total_tokens="usage.total_tokens",
    background="background",
    created="created_at",
    tool_calls="usage.server_side_tool_usage_details",
    **_BILL,
)

CHAT = Api(
    operation="chat",
    read=_CHAT,
    rules=(rules.chat,),
    accumulate=accumulators.chat,
    ask_for_usage=True,
    adds=("tools", "passes"),
).with_fast_paths(fast_chat_reader, accumulators.chat_text_size)
COMPLETIONS = Api(
    operation="completions", read=_CHAT, rules=(rules.chat,), accumulate=accumulators.chat, ask_for_usage=True
)
RESPONSES = Api(
    operation="responses",
    read=_RESPONSES,
    rules=(rules.reported_cost, stated_total, server_tools),
    accumulate=accumulators.responses,
    skip=rules.is_pending,
    adds=("tools", "passes"),
).with_fast_paths(text_size=accumulators.responses_text_size)
FETCHED_RESPONSES = RESPONSES.derive(skip=rules.is_no_background_result)
DECISIONS = Api(operation="decisions", read=_RESPONSES, rules=(stated_total,))
RUNS = Api(
    operation="runs",
    read=_CHAT.but(created="created_at"),
    rules=(rules.fetched_often, stated_total),
    accumulate=rules.fold_run,
    skip=rules.is_no_finished_run,
)
COMPACT = Api(operation="responses.compact", read=_RESPONSES, rules=(rules.reported_cost, stated_total))
EMBEDDINGS = Api(operation="embeddings", read=_CHAT, rules=(rules.no_output, rules.reported_cost))
IMAGES = Api(
    operation="images",
    read=_RESPONSES,
    rules=(rules.reported_cost, stated_total, rules.image_output, svg_authors),
    accumulate=accumulators.last_event,
    is_text=False,
    adds=("units", "passes"),
)
TRANSCRIPTIONS = Api(
    operation="transcriptions",
    read=_RESPONSES.but(seconds=("usage.seconds", "duration")),
    rules=(rules.reported_cost, rules.seconds, stated_total),
    accumulate=accumulators.last_event,
    is_text=False,
)
SPEECH = Api(
    operation="speech",
    read=Reader(input_tokens="usage.input_tokens", output_tokens="usage.output_tokens"),
    rules=(rules.spoken, rules.characters),
    accumulate=accumulators.last_event,
    request_only=True,
    is_text=False,
    adds=("output_audio_tokens", "units"),
)

VIDEOS = Api(
    operation="videos",
    read=_ANSWER.but(created="created_at"),
    rules=(rules.video_seconds, rules.fetched_often),
    is_text=False,
    skip=rules.is_no_finished_video,
    adds=("units",),
)
EXTENSIONS = VIDEOS.derive(begun=rules.extends)

ROUTES = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/responses": RESPONSES,
    "/responses/compact": COMPACT,
    "/decisions": DECISIONS,
    "/runs": RUNS,
    "/submit_tool_outputs": RUNS,
    "/embeddings": EMBEDDINGS,
    "/images/generations": IMAGES,
    "/images/edits": IMAGES,
    "/images/variations": IMAGES,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/translations": TRANSCRIPTIONS,
    "/audio/speech": SPEECH,
    "/videos": VIDEOS,
    "/videos/edits": VIDEOS,
    "/videos/extensions": EXTENSIONS,
    "/remix": VIDEOS,
}


_BY_OBJECT = {"chat.completion": CHAT, "response": RESPONSES, "text_completion": COMPLETIONS, "list": EMBEDDINGS}


def batch_line(line: Fields) -> BatchLine | None:
    """Read a line of a batch's results; None where the request failed."""
    response = fields(line.get("response"))
    body = fields(response.get("body"))
    # Only images do not say what they are.
    api = _BY_OBJECT.get(body["object"]) if "object" in body else IMAGES if "data" in body else None
    if api is None or response.get("status_code") != HTTPStatus.OK:
        return None
    key = body.get("id") or line.get("id") or line["custom_id"]
    return BatchLine(key=str(key), api=api, body=body, created=body.get("created") or body.get("created_at"))


def _batch_made(batch: Fields) -> tuple[str, Any]:
    return batch.get("output_file_id") or "", batch.get("created_at")


BATCHES = BatchApi(results_end="/content", line=batch_line, batch_part="/batches", made=_batch_made)


def _knows_stream_options(client: Any) -> bool:
    """Whether a server knows ``stream_options``: Azure does since 2024-09."""
    version = getattr(client, "_api_version", None)
    dated = isinstance(version, str) and version[:4].isdigit()
    return not (dated and str(version) < "2024-09")


SDK = StainlessSdk(
    name="openai",
    clients=("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "BedrockOpenAI", "AsyncBedrockOpenAI"),
    provider="openai",
    routes=ROUTES,
    class_providers={"Azure": "azure", "Bedrock": "bedrock"},
    fetched={"/responses/": FETCHED_RESPONSES, "/threads/": RUNS, "/videos/": VIDEOS},
    batches=BATCHES,
    connects=connects(responses=RESPONSES, decisions=DECISIONS, transcriptions=TRANSCRIPTIONS),
    unmeasured=UNMEASURED,
    may_ask=_knows_stream_options,
    guide=Guide(
        calls="sync, async, streams, raw responses, batch results, web-socket sessions",
        checked_with="1.66.0, 2.54.0, 3.54.0",
    ),
)
