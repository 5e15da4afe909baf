"""LlamaIndex: record the calls of any LLM and embedding model, whichever package makes them."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

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
from llama_index.core.instrumentation.events.span import SpanDropEvent

from tokenbudget import faults
from tokenbudget.capture import estimate, outer, recent
from tokenbudget.capture.api import Api
from tokenbudget.capture.call import Call
from tokenbudget.capture.fields import Fields
from tokenbudget.capture.recording import record
from tokenbudget.integrations import shapes

__all__ = ["TokenBudgetEventHandler"]

_STARTS = (LLMChatStartEvent, LLMCompletionStartEvent)
_ENDS = (LLMChatEndEvent, LLMCompletionEndEvent)
_PROGRESS = (LLMChatInProgressEvent, LLMCompletionInProgressEvent)


class _Begun(NamedTuple):
    call: Call
    around: outer.Outer


class TokenBudgetEventHandler(BaseEventHandler):
    """Record every model call; add it to the root dispatcher once.

    A call made through a client that is wrapped (or patched) as well is recorded once, by the client.  Embedding
    models do not tell LlamaIndex their usage: without a wrapped client it is estimated from the texts.

    Examples
    --------
    >>> from llama_index.core.instrumentation import get_dispatcher
    >>> get_dispatcher().add_event_handler(TokenBudgetEventHandler())
    """

    _spans: dict[str | None, list[_Begun]] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex knows the handler by."""
        return "TokenBudgetEventHandler"

    def handle(self, event: BaseEvent, **_: Any) -> None:
        """Take note of an event."""
        try:
            if isinstance(event, _STARTS):
                self._begin(event, shapes.UNKNOWN, _prompt(event))
            elif isinstance(event, EmbeddingStartEvent):
                self._begin(event, shapes.EMBEDDINGS, {})
            elif isinstance(event, _PROGRESS):
                self._written(event)
            elif isinstance(event, _ENDS):
                self._answered(event)
            elif isinstance(event, EmbeddingEndEvent):
                self._embedded(event)
            elif isinstance(event, ExceptionEvent | SpanDropEvent):
                self._failed(event)
        except Exception as error:  # noqa: BLE001 (never into the host program)
            faults.swallow("integrations.llamaindex", error)

    def _begin(self, event: Any, api: Api, request: Fields) -> None:
        named = event.model_dict
        provider = shapes.provider_of(str(named.get("class_name") or "unknown"))
        model = named.get("model") or named.get("model_name")
        # The call first: it belongs to what is around it, not to itself.
        self._spans.setdefault(event.span_id, []).append(
            _Begun(Call(api, provider, {**request, "model": model}), outer.enter())
        )

    def _take(self, event: BaseEvent) -> _Begun | None:
        begun = self._spans.get(event.span_id)
        if not begun:
            return None
        last = begun.pop()
        if not begun:
            del self._spans[event.span_id]
        last.around.leave()
        return None if last.around.recorded else last

    def _written(self, event: Any) -> None:
        if begun := self._spans.get(event.span_id):
            call = begun[-1].call
            call.first_token_ns = call.first_token_ns or time.perf_counter_ns()
            call.written += estimate.text_bytes(event.response.delta or "")

    def _answered(self, event: Any) -> None:
        begun = self._take(event)
        if begun is None:
            return
        call = begun.call
        call.api, answer = shapes.recognise(None if event.response is None else event.response.raw, call.provider)
        response_id = call.api.read(answer).get("response_id")
        if response_id is None or not recent.seen(response_id):
            call.answered(answer)

    def _embedded(self, event: EmbeddingEndEvent) -> None:
        if begun := self._take(event):
            size = sum(map(estimate.text_bytes, event.chunks))
            record(
                provider=begun.call.provider,
                model=str(begun.call.model or "unknown"),
                operation="embeddings",
                usage={"input_tokens": estimate.tokens(size), "output_tokens": 0},
                measured="estimated",
            )

    def _failed(self, event: ExceptionEvent | SpanDropEvent) -> None:
        while event.span_id in self._spans:
            begun = self._take(event)
            if begun is None:
                continue
            if isinstance(event, ExceptionEvent):
                (begun.call.cut if begun.call.written else begun.call.failed)(event.exception)
            else:
                begun.call.refused("SpanDrop")


def _prompt(event: Any) -> Fields:
    if isinstance(event, LLMCompletionStartEvent):
        return {"prompt": event.prompt}
    return {"messages": [{"content": str(message.content)} for message in event.messages]}
