"""LangChain: record the calls of any chat model or LLM, whichever package makes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from tokenbudget.capture import seen_ids
from tokenbudget.capture.adapters.langchain import usage
from tokenbudget.capture.adapters.reported_calls import ReportedCall
from tokenbudget.capture.usage.fields import Fields, fields
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.core.providers import langchain_provider, provider_at
from tokenbudget.diagnostics import internal_errors

__all__ = ["TokenBudgetCallbackHandler"]

_ADDRESSES = ("base_url", "openai_api_base", "api_base", "azure_endpoint", "anthropic_api_url")


class TokenBudgetCallbackHandler(BaseCallbackHandler):
    """Record every model call of the chains, agents and models it is given to.

    A call made through a client that is wrapped (or patched) as well is recorded once, by the client.

    Examples
    --------
    >>> from langchain_core.language_models import FakeListChatModel
    >>> from tokenbudget.testing import capture_events
    >>> model = FakeListChatModel(responses=["Hello."])
    >>> with capture_events() as events:
    ...     answer = model.invoke("hi", config={"callbacks": [TokenBudgetCallbackHandler()]})
    >>> events[0].status
    'ok'
    """

    run_inline = True  # in the caller's context, where the tags are
    _under_way: ClassVar[set[UUID]] = set()
    """Runs that a handler records: where a model and its chain are given one each, the first one does."""

    def __init__(self) -> None:
        self._runs: dict[UUID, ReportedCall] = {}

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, *, run_id: UUID, **more: Any) -> None:
        """Start the clock of a chat model's call."""
        self._begin(run_id, serialized, {"messages": [_texts(one) for one in messages]}, more)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **more: Any) -> None:
        """Start the clock of a call."""
        self._begin(run_id, serialized, {"prompt": prompts}, more)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **more: Any) -> None:  # noqa: ARG002
        """Note the first token, and how much was written."""
        if run_id in self._runs and isinstance(token, str) and token:
            call = self._runs[run_id]
            call.first_token_ns = call.first_token_ns or time.perf_counter_ns()
            call.written += text_bytes(token)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:  # noqa: ARG002
        """Record a call that answered: one event for each prompt it was given, none where a cache answered."""
        try:
            call = self._take(run_id)
            if call is not None:
                for message in _answers(response):
                    if not usage.is_cached(message):
                        _record(call, message, response.llm_output or {})
        except Exception as error:  # noqa: BLE001 (never into the host program)
            internal_errors.swallow("integrations.langchain", error)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:  # noqa: ARG002
        """Record a call that failed, or was left."""
        call = self._take(run_id)
        if call is not None and not call.is_failure_recorded():
            (call.cut if call.written else call.failed)(error)

    def _take(self, run_id: UUID) -> ReportedCall | None:
        """Return the call of a run that is over; None where another handler records it."""
        call = self._runs.pop(run_id, None)
        if call is not None:
            self._under_way.discard(run_id)
            call.inside.leave()
        return call

    def _begin(self, run_id: UUID, serialized: Mapping[str, Any] | None, request: Fields, more: Fields) -> None:
        if run_id in self._under_way:
            return
        try:
            facts = more.get("metadata") or {}
            asked = more.get("invocation_params") or {}
            model = facts.get("ls_model_name") or asked.get("model") or asked.get("model_name")
            provider = _provider(facts.get("ls_provider"), (serialized or {}).get("kwargs") or {})
            self._runs[run_id] = ReportedCall(usage.CHAT, provider, {**request, "model": model})
            self._under_way.add(run_id)
        except Exception as error:  # noqa: BLE001
            internal_errors.swallow("integrations.langchain", error)


def _record(begun: ReportedCall, message: Fields, said: Fields) -> None:
    call = copy(begun)  # one for each prompt
    call.api, answer = usage.read(message, said, begun.provider)
    response_id = call.api.read(answer).get("response_id")
    if (response_id and seen_ids.seen(response_id)) or call.is_recorded(answer):
        return
    call.answered(answer)


def _answers(response: LLMResult) -> list[Fields]:
    """Return each prompt's message where they state usage, else one for what the call says of them together."""
    said = (getattr(one[0], "message", None) for one in response.generations if one)
    messages = [fields(message) for message in said if message is not None]
    return messages if any(map(usage.states_usage, messages)) else [*messages, {}][:1]


def _provider(named: str | None, settings: Fields) -> str:
    for name in _ADDRESSES:
        if (address := settings.get(name)) and (host := urlsplit(str(address)).hostname):
            found, _ = provider_at(host)
            if found:
                return found
    return langchain_provider(named or "unknown")


def _texts(messages: Any) -> list[Any]:
    return [{"content": message.content} for message in messages]
