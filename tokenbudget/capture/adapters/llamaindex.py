"""LlamaIndex: record the calls of any LLM and embedding model, whichever package makes them."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.events.span import SpanDropEvent  # type: ignore[attr-defined]  # not in __all__

from tokenbudget.capture import seen_ids
from tokenbudget.capture.adapters import answer_shapes
from tokenbudget.capture.adapters.reported_calls import ReportedCall
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.record_call import record
from tokenbudget.capture.usage import token_estimate
from tokenbudget.capture.usage.fields import Fields
from tokenbudget.core.providers import llamaindex_provider
from tokenbudget.diagnostics import internal_errors

__all__ = ["TokenBudgetEventHandler"]

_STARTS = (LLMChatStartEvent, LLMCompletionStartEvent)
_ENDS = (LLMChatEndEvent, LLMCompletionEndEvent)
_PROGRESS = (LLMChatInProgressEvent, LLMCompletionInProgressEvent)


_NOTED = (*_STARTS, *_ENDS, EmbeddingStartEvent, EmbeddingEndEvent)
_MOST_SEEN = 1000
_seen: deque[str] = deque(maxlen=_MOST_SEEN)
"""Ids of the last events: each handler that was added, be it the same one twice, is given the same event at once."""


def _first_sight(event: BaseEvent) -> bool:
    if event.id_ in _seen:
        return False
    _seen.append(event.id_)
    return True


class TokenBudgetEventHandler(BaseEventHandler):
    """Record every model call; add it to the root dispatcher once.

    A call made through a client that is wrapped (or patched) as well is recorded once, by the client.  Embedding
    models do not tell LlamaIndex their usage: without a wrapped client it is estimated from the texts.

    Examples
    --------
    >>> from llama_index.core.instrumentation import get_dispatcher
    >>> get_dispatcher().add_event_handler(TokenBudgetEventHandler())
    """

    _spans: dict[str | None, list[ReportedCall]] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows the handler by."""
        return "TokenBudgetEventHandler"

    def handle(self, event: BaseEvent, **_: Any) -> None:
        """Take note of an event; one that another handler has taken note of is not ours."""
        try:
            if isinstance(event, _NOTED) and not _first_sight(event):
                return
            if isinstance(event, _STARTS):
                self._begin(event, answer_shapes.UNKNOWN, _prompt(event))
            elif isinstance(event, EmbeddingStartEvent):
                self._begin(event, answer_shapes.EMBEDDINGS, {})
            elif isinstance(event, _PROGRESS):
                self._written(event)
            elif isinstance(event, _ENDS):
                self._answered(event)
            elif isinstance(event, EmbeddingEndEvent):
                self._embedded(event)
            elif isinstance(event, ExceptionEvent | SpanDropEvent):
                self._failed(event)
        except Exception as error:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("integrations.llamaindex", error)

    def _begin(self, event: Any, api: Api, request: Fields) -> None:
        named = event.model_dict
        provider = llamaindex_provider(str(named.get("class_name") or "unknown"))
        model = named.get("model") or named.get("model_name")
        self._spans.setdefault(event.span_id, []).append(ReportedCall(api, provider, {**request, "model": model}))

    def _take(self, event: BaseEvent) -> ReportedCall | None:
        begun = self._spans.get(event.span_id)
        if not begun:
            return None
        last = begun.pop()
        if not begun:
            del self._spans[event.span_id]
        last.inside.leave()
        return last

    def _written(self, event: Any) -> None:
        if begun := self._spans.get(event.span_id):
            call = begun[-1]
            call.first_token_ns = call.first_token_ns or time.perf_counter_ns()
            call.written += token_estimate.text_bytes(event.response.delta or "")

    def _answered(self, event: Any) -> None:
        begun = self._take(event)
        if begun is None:
            return
        begun.api, answer = answer_shapes.recognise(
            None if event.response is None else event.response.raw, begun.provider
        )
        response_id = begun.api.read(answer).get("response_id")
        if (response_id is None or not seen_ids.seen(response_id)) and not begun.is_recorded(answer):
            begun.answered(answer)

    def _embedded(self, event: EmbeddingEndEvent) -> None:
        begun = self._take(event)
        if begun is not None and not begun.is_recorded({}):
            size = sum(map(token_estimate.text_bytes, event.chunks))
            record(
                provider=begun.provider,
                model=str(begun.model or "unknown"),
                operation="embeddings",
                usage={"input_tokens": token_estimate.tokens(size), "output_tokens": 0},
                measured="estimated",
            )

    def _failed(self, event: ExceptionEvent | SpanDropEvent) -> None:
        while event.span_id in self._spans:
            begun = self._take(event)
            if begun is None or begun.is_failure_recorded():
                continue
            if isinstance(event, ExceptionEvent):
                (begun.cut if begun.written else begun.failed)(event.exception)
            else:
                begun.refused("SpanDrop")


def _prompt(event: Any) -> Fields:
    if isinstance(event, LLMCompletionStartEvent):
        return {"prompt": event.prompt}
    return {"messages": [{"content": str(message.content)} for message in event.messages]}
