"""LiteLLM: its functions, whichever provider they reach; `wrap` takes the module itself."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from itertools import takewhile
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from tokenbudget.capture import asking, shells, stand_ins
from tokenbudget.capture.api import Api, never
from tokenbudget.capture.batches import Reading
from tokenbudget.capture.call import Call
from tokenbudget.capture.fields import fields
from tokenbudget.capture.hosts import billed_by, provider_at
from tokenbudget.capture.providers import cohere, litellm_streams, mistral, openai
from tokenbudget.capture.providers import litellm_rules as rules
from tokenbudget.capture.providers.litellm_handlers import HANDLERS, region_in, who_bills
from tokenbudget.capture.providers.openai_tools import server_tools
from tokenbudget.capture.sdk import MARK, Mark
from tokenbudget.capture.shells import Attempt
from tokenbudget.capture.wholes import stated_total

_DETAILS = "usage.prompt_tokens_details"
_READ = openai.CHAT.read.but(
    cache_read_tokens=(f"{_DETAILS}.cached_tokens", "usage.cache_read_input_tokens"),
    cache_write_5m_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_5m_input_tokens",
    cache_write_1h_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens",
    cache_created=(f"{_DETAILS}.cache_creation_tokens", "usage.cache_creation_input_tokens"),
    searches=("usage.server_tool_use.web_search_requests", f"{_DETAILS}.web_search_requests"),
    tool_prompt_tokens=f"{_DETAILS}.tool_use_tokens",
    iterations="usage.iterations",
)
_MAKER = re.compile(rb"custom_llm_provider:([^;]+)")
_RETRYING = "_with_retries"
CHAT = replace(
    openai.CHAT,
    read=_READ,
    usual=never,
    rules=(
        rules.own_estimate,
        rules.grounded,
        *openai.CHAT.rules,
        rules.other_names,
        rules.passes,
        rules.asked_tier,
        rules.unbilled,
    ),
)
COMPLETIONS = replace(
    openai.COMPLETIONS, read=_READ, rules=(rules.own_estimate, *openai.COMPLETIONS.rules, rules.other_names)
)
# The cost in a response's usage is no bill here: LiteLLM writes its own estimate there.
RESPONSES = replace(openai.RESPONSES, rules=(stated_total, server_tools))
FETCHED_RESPONSES = replace(RESPONSES, skip=openai.FETCHED_RESPONSES.skip)
COMPACT = replace(openai.COMPACT, rules=(stated_total,))
IMAGES = replace(openai.IMAGES, rules=(rules.image_tokens, *openai.IMAGES.rules))
_FUNCTIONS = {
    "completion": CHAT,
    f"completion{_RETRYING}": CHAT,
    "text_completion": COMPLETIONS,
    "responses": RESPONSES,
    f"responses{_RETRYING}": RESPONSES,
    "get_responses": FETCHED_RESPONSES,
    "compact_responses": COMPACT,
    "embedding": replace(openai.EMBEDDINGS, rules=(rules.own_estimate, *openai.EMBEDDINGS.rules)),
    "image_generation": IMAGES,
    "image_edit": IMAGES,
    "image_variation": IMAGES,
    "transcription": openai.TRANSCRIPTIONS,
    "speech": openai.SPEECH,
    "rerank": cohere.RERANK,
    "ocr": mistral.OCR,
}
"""Each has an asynchronous twin with an ``a`` in front."""
_FALLING_BACK = (CHAT, COMPLETIONS)
_FETCHING = {"retrieve_batch": "/batches/{}", "file_content": "/files/{}/content"}
"""Functions that fetch a batch or its results -> where they are fetched; with twins as well."""


class LiteLlm:
    """The SDK that is a module of functions."""

    name = "litellm"
    clients = ()
    apis: tuple[Api, ...] = (*dict.fromkeys(_FUNCTIONS.values()), *HANDLERS.apis)

    def __init__(self) -> None:
        self._everything = False
        self._installed = False

    def supports(self, client: Any) -> bool:
        """Tell whether this is the module."""
        return isinstance(client, ModuleType) and client.__name__ == self.name

    def is_made(self, client: Any) -> bool:  # noqa: ARG002 (the signature of an Sdk)
        """Tell that the module is what is called."""
        return True

    def wrap(self, client: Any, provider: str | None) -> None:
        """Observe the module's functions."""
        self._install(client)
        HANDLERS.wrap(client, provider)  # which marks the module

    def patch(self) -> None:
        """Observe the module's functions."""
        self._install(sys.modules[self.name])
        self._everything = True
        HANDLERS.patch()

    def unpatch(self) -> None:
        """Observe them only if the module is wrapped."""
        self._everything = False
        HANDLERS.unpatch()

    def mark(self, module: Any) -> Mark | None:
        """Give the module's mark; a plain one where everything is observed, None where nothing is."""
        return module.__dict__.get(MARK) or (Mark() if self._everything else None)

    def _install(self, module: Any) -> None:
        if self._installed:
            return
        self._installed = True
        for name, api in _FUNCTIONS.items():
            asked = getattr(module, name.removesuffix(_RETRYING), None)
            named = tuple(signature(asked).parameters) if asked is not None else ()
            self._observe(module, name, _Function(self, api, named, is_async=False))
            self._observe(module, f"a{name}", _Function(self, api, named, is_async=True))
        for name, path in _FETCHING.items():
            for twin in (name, f"a{name}"):
                self._observe(module, twin, _Fetching(self, path))

    def _observe(self, module: Any, name: str, function: shells.Seam) -> None:
        original = getattr(module, name, None)
        if original is None:
            return  # versions have not always had all of them
        shell = shells.function_shell(original, function, module)
        for home in (module, sys.modules[original.__module__]):
            if getattr(home, name, None) is original:
                setattr(home, name, shell)


class _Function:
    """Between a shell and a function of the module."""

    def __init__(self, sdk: LiteLlm, api: Api, names: tuple[str, ...], *, is_async: bool) -> None:
        self._sdk = sdk
        self._api = api
        self._names = names
        self._is_async = is_async

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._sdk.mark(owner)
        # With fallbacks each model that is tried is a call of its own, which LiteLLM makes by the function we observe.
        if mark is None or kwargs.get("mock_response") or (kwargs.get("fallbacks") and self._api in _FALLING_BACK):
            return None
        request = {**dict(zip(self._names, args, strict=False)), **kwargs}
        model, provider = _target(owner, str(request.get("model") or ""), kwargs)
        call = Call(self._api, mark.provider or provider, request, model=model, region=region_in(kwargs))
        attempt = Attempt(call, owner, args, kwargs)
        if self._api.ask_for_usage and kwargs.get("stream"):
            _ask(attempt)
        return attempt

    def end(self, attempt: Attempt, result: Any) -> Any:
        call = attempt.call
        if getattr(result, "_hidden_params", {}).get("cache_hit") or not isinstance(call, Call):
            return result  # from LiteLLM's own cache: nobody was asked, nothing is billed
        if instead := _instead(attempt.owner, attempt.kwargs, result):
            mark = self._sdk.mark(attempt.owner)
            call.model, provider = instead
            call.provider = (mark and mark.provider) or provider
        if call.api.request_only:
            call.answered(None)
        elif attempt.kwargs.get("stream") and litellm_streams.is_stream(result):
            if attempt.hide_usage:
                _insist(result)
            return litellm_streams.observe(result, call, is_async=self._is_async, hide_usage=attempt.hide_usage)
        else:
            call.answered(result)
        return result


class _Fetching:
    """Between a shell and a function that fetches a batch, or the file of its results."""

    def __init__(self, sdk: LiteLlm, path: str) -> None:
        self._sdk = sdk
        self._path = path

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._sdk.mark(owner)
        if mark is None:
            return None
        fetched = args[0] if args else kwargs.get("batch_id") or kwargs.get("file_id")
        provider = mark.provider or who_bills(kwargs.get("custom_llm_provider") or "openai")
        return Attempt(Reading(openai.BATCHES, provider, None, self._path.format(fetched)), owner, args, kwargs)

    def end(self, attempt: Attempt, result: Any) -> Any:
        if isinstance(attempt.call, Reading):
            attempt.call.answered(result)
        return result


def _target(module: Any, asked: str, kwargs: Mapping[str, Any]) -> tuple[str, str]:
    """Give the model and who bills it."""
    if not asked and (maker := _maker(str(kwargs.get("response_id")))):
        return "", who_bills(maker)
    address = kwargs.get("api_base") or kwargs.get("base_url")
    try:
        model, provider, _, base = module.get_llm_provider(
            model=asked, custom_llm_provider=kwargs.get("custom_llm_provider"), api_base=address
        )
        address = address or base
    except Exception:  # noqa: BLE001 (the call itself will say that the model is not known)
        provider, _, model = asked.rpartition("/")
    there = provider_at(urlsplit(address).hostname or "")[0] if address else None
    made_for = who_bills(provider)
    # LiteLLM calls every server that speaks OpenAI's protocol by that name.
    return model, billed_by(None if made_for == "openai" else made_for, there) or made_for


def _maker(response_id: str) -> str | None:
    """Give the provider that LiteLLM writes into the ids of its responses."""
    try:
        found = _MAKER.search(b64decode(response_id.removeprefix("resp_")))
    except ValueError:  # an id of the provider's own
        return None
    return found[1].decode() if found else None


def _instead(module: Any, kwargs: Mapping[str, Any], result: Any) -> tuple[str, str] | None:
    """Give the model, and who bills it, that LiteLLM turned to as the context of the one asked for was too small."""
    asked = kwargs.get("model")
    other = (kwargs.get("context_window_fallback_dict") or {}).get(asked)
    if not other:
        return None
    answered = str(getattr(result, "model", None) or "")
    likest = max((asked, other), key=lambda name: _likeness(name.rpartition("/")[2], answered))
    return _target(module, other, {}) if likest == other else None


def _likeness(name: str, other: str) -> int:
    """Count the characters that two names have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False)))


def _ask(attempt: Attempt) -> None:
    """Ask for the stream's usage where the caller did not."""
    own = attempt.kwargs
    http = getattr(getattr(attempt.owner, "module_level_client", None), "client", None)
    if fields(own.get("stream_options")).get("include_usage") or stand_ins.answer_for(http):
        return
    attempt.kwargs = {**own, "stream_options": asking.with_usage(own)}
    attempt.hide_usage = True

    def without(error: BaseException) -> tuple[Any, ...] | None:
        if type(error).__name__ != "UnsupportedParamsError":
            return None
        attempt.kwargs, attempt.hide_usage = own, False
        return attempt.args

    attempt.fallback = without


def _insist(stream: Any) -> None:
    """Have a stream state its usage that goes by what the call was asked that fell back to this one."""
    if getattr(stream, "send_stream_usage", True) is False:
        stream.stream_options = {"include_usage": True}
        stream.send_stream_usage = True


SDK = LiteLlm()
