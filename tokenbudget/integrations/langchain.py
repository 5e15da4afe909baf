"""LangChain: record the calls of any chat model or LLM, whichever package makes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import copy
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from tokenbudget import faults
from tokenbudget.capture import recent
from tokenbudget.capture.api import Api
from tokenbudget.capture.estimate import text_bytes
from tokenbudget.capture.fields import Fields, Reader, fields
from tokenbudget.capture.hosts import provider_at
from tokenbudget.core.providers import canonical
from tokenbudget.integrations.reported import Reported

__all__ = ["TokenBudgetCallbackHandler"]

_PROVIDERS = {"google_vertexai": "vertex", "anthropic_bedrock": "bedrock", "openai-compatible": "openai"}
_ADDRESSES = ("base_url", "openai_api_base", "api_base", "azure_endpoint", "anthropic_api_url")
_USAGE, _OLDER = "usage_metadata", "token_usage"
_API = Api(
    operation="chat",
    read=Reader(
        model=("response_metadata.model_name", "response_metadata.model", "model_name"),
        response_id=("response_metadata.id", "id"),
        service_tier="response_metadata.service_tier",
        input_tokens=(f"{_USAGE}.input_tokens", f"{_OLDER}.prompt_tokens", f"{_OLDER}.input_tokens"),
        output_tokens=(f"{_USAGE}.output_tokens", f"{_OLDER}.completion_tokens", f"{_OLDER}.output_tokens"),
        cache_read_tokens=(
            f"{_USAGE}.input_token_details.cache_read",
            f"{_OLDER}.prompt_tokens_details.cached_tokens",
        ),
        cache_write_tokens=f"{_USAGE}.input_token_details.cache_creation",
        cache_write_5m_tokens=f"{_USAGE}.input_token_details.ephemeral_5m_input_tokens",
        cache_write_1h_tokens=f"{_USAGE}.input_token_details.ephemeral_1h_input_tokens",
        input_audio_tokens=f"{_USAGE}.input_token_details.audio",
        output_audio_tokens=f"{_USAGE}.output_token_details.audio",
        reasoning_tokens=(
            f"{_USAGE}.output_token_details.reasoning",
            f"{_OLDER}.completion_tokens_details.reasoning_tokens",
        ),
    ),
)


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

    def __init__(self) -> None:
        self._runs: dict[UUID, Reported] = {}

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
        """Record a call that answered: one event for each prompt it was given."""
        try:
            call = self._take(run_id)
            if call is not None:
                for answer in _answers(response):
                    _record(call, answer)
        except Exception as error:  # noqa: BLE001 (never into the host program)
            faults.swallow("integrations.langchain", error)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:  # noqa: ARG002
        """Record a call that failed, or was left."""
        call = self._take(run_id)
        if call is not None and not call.is_failure_recorded():
            (call.cut if call.written else call.failed)(error)

    def _take(self, run_id: UUID) -> Reported | None:
        """Give the call of a run that is over."""
        call = self._runs.pop(run_id, None)
        if call is not None:
            call.inside.leave()
        return call

    def _begin(self, run_id: UUID, serialized: Mapping[str, Any] | None, request: Fields, more: Fields) -> None:
        try:
            facts = more.get("metadata") or {}
            asked = more.get("invocation_params") or {}
            model = facts.get("ls_model_name") or asked.get("model") or asked.get("model_name")
            provider = _provider(facts.get("ls_provider"), (serialized or {}).get("kwargs") or {})
            self._runs[run_id] = Reported(_API, provider, request, model=model)
        except Exception as error:  # noqa: BLE001
            faults.swallow("integrations.langchain", error)


def _record(begun: Reported, answer: Fields) -> None:
    answer = {name: value for name, value in answer.items() if name != "id" or not _is_own_id(str(value))}
    response_id = _API.read(answer).get("response_id")
    if (response_id and recent.seen(response_id)) or begun.is_recorded(answer):
        return
    call = copy(begun)  # one for each prompt
    call.answered(answer)


def _is_own_id(response_id: str) -> bool:
    # LangChain's own ids, not the provider's.
    return response_id.startswith(("run-", "lc_"))


def _answers(response: LLMResult) -> list[Fields]:
    """Give what states usage: each prompt's message, else what the call says of them together."""
    messages = [
        fields(one[0].message) for one in response.generations if one and getattr(one[0], "message", None) is not None
    ]
    if any(message.get("usage_metadata") for message in messages):
        return messages
    said = response.llm_output or {}
    together = {**said, _OLDER: said.get(_OLDER) or said.get("usage") or {}}
    return [{**(messages[0] if messages else {}), **together}]


def _provider(named: str | None, settings: Fields) -> str:
    for name in _ADDRESSES:
        if (address := settings.get(name)) and (host := urlsplit(str(address)).hostname):
            found, _ = provider_at(host)
            if found:
                return found
    return canonical(_PROVIDERS.get(named or "", named or "unknown"))


def _texts(messages: Any) -> list[Any]:
    return [{"content": message.content} for message in messages]
