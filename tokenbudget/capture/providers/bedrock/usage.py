"""What the tables of Bedrock's shapes cannot say, and how its answers and streams are read along."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.api_spec import Accumulator, Found
from tokenbudget.capture.instrument.observers import json_object
from tokenbudget.capture.instrument.responses import accumulators
from tokenbudget.capture.instrument.responses.streams import AsyncItems, Items, Watched, notice_close
from tokenbudget.capture.providers import anthropic
from tokenbudget.capture.usage.fields import Fields, fields
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.capture.usage.totals import stated_total, with_cache

_WATCHED = "_tokenbudget_items"
_COUNTS = ("inputTextTokenCount", "totalOutputTextTokenCount", "prompt_token_count", "generation_token_count")


def model_id(asked: str) -> str:
    """Take the model or inference profile out of an ARN; other resources keep theirs.

    Examples
    --------
    >>> model_id("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0")
    'amazon.nova-micro-v1:0'
    """
    resource, _, name = asked.partition("/")
    return name if resource.rpartition(":")[2] in {"foundation-model", "inference-profile"} else asked


def whole_input(found: Found, response: Fields, request: Fields) -> None:
    """Bedrock's input leaves out what was read from and written to the cache, whose lifetimes it lists; ours has it."""
    for detail in fields(response.get("usage")).get("cacheDetails") or ():
        field = {"5m": "cache_write_5m_tokens", "1h": "cache_write_1h_tokens"}.get(str(detail.get("ttl")))
        if field and detail.get("inputTokens"):
            found[field] = found.get(field, 0) + detail["inputTokens"]
    with_cache(found)
    stated_total(found, response, request)


def routed(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Name the model that a prompt router chose: the router, which was asked, has no price."""
    chosen = fields(fields(response.get("trace")).get("promptRouter")).get("invokedModelId")
    if chosen:
        found["model"] = model_id(chosen)


def by_family(found: Found, response: Fields, request: Fields) -> None:
    """Complete an invoked model's counts by the shape of its body."""
    usage = fields(response.get("usage"))
    for name in [name for name, value in found.items() if name.endswith("_tokens") and isinstance(value, str)]:
        found[name] = int(found[name])  # from a header
    if response.get("type") == "message":
        for rule in anthropic.MESSAGES.rules:
            rule(found, response, request)
        return
    if "prompt_tokens" in usage:
        stated_total(found, response, request)
    else:
        whole_input(found, response, request)
    _by_results(found, [fields(result) for result in response.get("results") or ()])
    if "embedding" in response or "embeddings" in response or "embeddingsByType" in response:
        found["output_tokens"] = 0
        if request.get("inputImage"):
            found["units"] = {"input_images": Decimal(1)}


def _by_results(found: Found, results: list[Fields]) -> None:
    """Count what each result has; a ranking is billed by queries, and no answer says how many it was."""
    if any("relevance_score" in result for result in results):
        found.pop("input_tokens", None)
        found.pop("output_tokens", None)
    elif written := sum(result.get("tokenCount") or 0 for result in results):
        found["output_tokens"] = written


def fold_converse(answer: dict[str, Any], event: Fields) -> int:
    """Add up Converse's events: the metadata at the end carry usage, tier and latency."""
    if metadata := event.get("metadata"):
        answer.update(metadata, complete=True)
    delta = (event.get("contentBlockDelta") or {}).get("delta") or {}
    inner = (delta.get("reasoningContent") or {}).get("text"), (delta.get("toolUse") or {}).get("input")
    texts = (delta.get("text"), *inner)
    return sum(text_bytes(text) for text in texts if text)


def fold_invoke(answer: dict[str, Any], event: Fields) -> int:
    """Add up an invoked model's chunks: Anthropic's events, OpenAI's chunks, or any family's own."""
    chunk = json_object((event.get("chunk") or {}).get("bytes"))
    if metrics := chunk.get("amazon-bedrock-invocationMetrics"):
        answer.update(metrics=metrics, complete=True)
    # Each chunk counts what there is so far; a stream that is left has no metrics.
    answer.update({name: chunk[name] for name in _COUNTS if chunk.get(name) is not None})
    kind = str(chunk.get("type") or "")
    if kind.startswith(("message_", "content_block_")):
        answer["type"] = "message"
        return accumulators.messages(answer, chunk)
    if "choices" in chunk:
        return accumulators.chat(answer, chunk)
    if "metadata" in chunk or "contentBlockDelta" in chunk:  # Nova speaks as Converse does
        return fold_converse(answer, chunk)
    texts = [chunk.get(name) for name in ("generation", "outputText", "text", "completion")]
    return sum(text_bytes(text) for text in texts if isinstance(text, str))


def observe(result: Any, call: Call) -> Any:
    """Observe what a call gave: its whole answer, the body of one, or a stream of events."""
    head = result.get("ResponseMetadata") or {}
    call.attempts = head.get("RetryAttempts", 0) + 1
    headers = head.get("HTTPHeaders") or {}
    stream = result.get("stream") or result.get("body")
    if stream is None:
        call.answered(result)
    elif hasattr(stream, "_event_generator"):
        _observe_events(stream, call, headers)
    else:
        _observe_body(stream, call, headers)
    return result


def _observe_events(stream: Any, call: Call, headers: Mapping[str, str]) -> None:
    call.api = call.api.derive(accumulate=_with_headers(call.api.accumulate, headers))
    is_async = hasattr(stream, "__aiter__")
    _watch_iteration(type(stream), "__aiter__" if is_async else "__iter__")
    # On a copy: it has no items of its own, so going through it is what going through the stream was.
    inner = copy.copy(stream)
    watched = AsyncItems(aiter(inner), call) if is_async else Items(iter(inner), call)
    stream.__dict__[_WATCHED] = watched
    notice_close(stream._raw_stream, watched)  # noqa: SLF001 (the stream's own close does nothing else)


def _with_headers(accumulate: Accumulator, headers: Mapping[str, str]) -> Accumulator:
    """Keep a stream's headers with its answer, which they tell the tier of; only once there is one."""

    def step(answer: dict[str, Any], event: Fields) -> int:
        answer["headers"] = headers
        return accumulate(answer, event)

    return step


def _watch_iteration(cls: Any, name: str) -> None:
    original = getattr(cls, name)

    @functools.wraps(original)
    def iterate(self: Any) -> Any:
        watched = self.__dict__.get(_WATCHED)
        return original(self) if watched is None else watched.loop(watched)

    if not hasattr(original, "__wrapped__"):
        setattr(cls, name, iterate)


def _observe_body(body: Any, call: Call, headers: Mapping[str, str]) -> None:
    _read_along(type(body))
    body.__dict__[_WATCHED] = Body(call, headers)


def _read_along(cls: Any) -> None:
    original = cls.read

    @functools.wraps(original)
    def read(self: Any, amt: int | None = None) -> Any:
        return _take(self, original(self, amt), amt)

    @functools.wraps(original)
    async def aread(self: Any, amt: int | None = None) -> Any:
        return _take(self, await original(self, amt), amt)

    if not hasattr(original, "__wrapped__"):
        cls.read = aread if inspect.iscoroutinefunction(original) else read


def _take(body: Any, chunk: bytes, amt: int | None) -> bytes:
    watched = body.__dict__.get(_WATCHED)
    if watched is not None:
        watched.take(chunk, is_last=amt is None or amt < 0 or not chunk)
    return chunk


class Body(Watched):
    """A body being read: one JSON object, and headers that count tokens where it does not."""

    __slots__ = ("_chunks", "_headers")

    def __init__(self, call: Call, headers: Mapping[str, str]) -> None:
        super().__init__(call)
        self._chunks: list[bytes] = []
        self._headers = headers

    def take(self, chunk: bytes, *, is_last: bool) -> None:
        """Add some bytes."""
        self._chunks.append(chunk)
        if is_last:
            self._finish()

    def settle(self, *, every: bool) -> None:
        """Record the body, read or not, if nothing more is waited for."""
        if every:
            self._finish()

    def _finish(self) -> None:
        answer = json_object(b"".join(self._chunks))
        self._chunks = []
        self._call.answered({"headers": self._headers} | answer)

    def __del__(self) -> None:
        self._finish()
