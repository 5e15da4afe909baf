"""Anthropic's SDK: its own API, Bedrock, Vertex and Foundry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenbudget.capture.instrument.api_spec import Api, Found
from tokenbudget.capture.instrument.batches.batch_results import BatchApi, BatchLine
from tokenbudget.capture.instrument.clients.stainless import StainlessSdk
from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.instrument.sdk_spec import Guide
from tokenbudget.capture.providers.openai.usage import reported_cost
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.capture.usage.totals import with_cache, with_passes
from tokenbudget.core.usage import Pass, Usage
from tokenbudget.diagnostics.unmeasured import Unmeasured

_COUNTS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
    "cache_write_5m_tokens": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h_tokens": "cache_creation.ephemeral_1h_input_tokens",
    "reasoning_tokens": "output_tokens_details.thinking_tokens",
}
_read_counts = Reader(**_COUNTS)
_MESSAGE = Reader(
    model="model",
    response_id="id",
    service_tier="usage.service_tier",
    speed="usage.speed",
    region="usage.inference_geo",
    web_search="usage.server_tool_use.web_search_requests",
    web_fetch="usage.server_tool_use.web_fetch_requests",
    iterations="usage.iterations",
    cost="usage.cost",
    **{ours: f"usage.{theirs}" for ours, theirs in _COUNTS.items()},
)
_BESIDE_THE_TOTAL = frozenset({"compaction", "advisor_message"})


def _lifetimes_of_iterations(found: Found, iterations: Iterable[Any]) -> None:
    """Take the split of writes from the iterations where they have all of it: a stream splits only its first."""
    own = [known for one in iterations if (known := fields(one)).get("type") not in _BESIDE_THE_TOTAL]
    splits = [fields(known.get("cache_creation")) for known in own]
    short, long = (sum(split.get(f"ephemeral_{name}_input_tokens") or 0 for split in splits) for name in ("5m", "1h"))
    if short + long == found.get("cache_write_tokens"):
        found |= {"cache_write_5m_tokens": short, "cache_write_1h_tokens": long}


def _whole_input(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Anthropic's input leaves out what was read from and written to the cache; ours has it."""
    if "iterations" in found:
        _lifetimes_of_iterations(found, found["iterations"])
    with_cache(found)
    if found.get("region") == "not_available":
        del found["region"]


def _server_tools(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    tools = {name: found.pop(name, 0) for name in ("web_search", "web_fetch")}
    if any(tools.values()):
        found["tools"] = {name: count for name, count in tools.items() if count}


def _passes(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add what the top-level usage leaves out: compaction, and the advisor's own model.

    Other iterations are in the top-level usage already, or (a declined fallback) are not billed.
    """
    with_passes(found, "message", passes_beside(found.pop("iterations", ())))


def passes_beside(iterations: Iterable[Any]) -> list[Pass]:
    """Return the passes among iterations that the top-level usage leaves out."""
    beside = []
    for iteration in iterations:
        known = fields(iteration)
        if known.get("type") in _BESIDE_THE_TOTAL:
            counts = _read_counts(known)
            with_cache(counts)
            beside.append(Pass(usage=Usage(**counts), model=known.get("model"), kind=known["type"]))
    return beside


MESSAGES = Api(
    operation="messages",
    read=_MESSAGE,
    rules=(reported_cost, _whole_input, _server_tools, _passes),
    accumulate=accumulators.messages,
).with_fast_paths(text_size=accumulators.messages_text_size)


def _batch_line(line: Fields) -> BatchLine | None:
    result = fields(line.get("result"))
    if result.get("type") != "succeeded":
        return None
    message = fields(result.get("message"))
    return BatchLine(key=str(message.get("id") or line["custom_id"]), api=MESSAGES, body=message)


def _batch_made(batch: Fields) -> tuple[str, Any]:
    return batch.get("id") or "", batch.get("created_at")


_AGENT = "a managed agent asks models by itself, on the server"
_UNMEASURED = {
    "/v1/sessions": Unmeasured("beta.sessions.create", _AGENT),
    "/v1/sessions/{}/events": Unmeasured("beta.sessions.events.send", _AGENT),
    "/v1/deployments/{}/run": Unmeasured("beta.deployments.run", _AGENT),
    "/v1/dreams": Unmeasured("beta.dreams.create", _AGENT),
}

SDK = StainlessSdk(
    name="anthropic",
    clients=tuple(
        f"{prefix}Anthropic{platform}"
        for platform in ("", "Bedrock", "BedrockMantle", "Vertex", "Foundry", "AWS", "GoogleCloud")
        for prefix in ("", "Async")
    ),
    provider="anthropic",
    routes={"/v1/messages": MESSAGES},
    batches=BatchApi(results_end="/results", line=_batch_line, batch_part="/messages/batches", made=_batch_made),
    unmeasured=_UNMEASURED,
    class_providers={"Bedrock": "bedrock", "Vertex": "vertex", "Foundry": "azure"},
    guide=Guide(calls="sync, async, streams, raw responses, batch results", checked_with="0.79.0, 2.12.0"),
)
