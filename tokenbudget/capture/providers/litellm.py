"""LiteLLM: its functions, whichever provider they reach; `wrap` takes the module itself."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from tokenbudget.capture import shells
from tokenbudget.capture.api import Api, Found
from tokenbudget.capture.call import Call
from tokenbudget.capture.fields import Fields
from tokenbudget.capture.hosts import provider_at
from tokenbudget.capture.providers import cohere, openai, openai_rules
from tokenbudget.capture.sdk import MARK, Mark
from tokenbudget.capture.shells import Attempt
from tokenbudget.capture.streams import AsyncItems, Items
from tokenbudget.core.providers import canonical

_DETAILS = "usage.prompt_tokens_details"
_READ = openai.CHAT.read.but(
    cache_read_tokens=(f"{_DETAILS}.cached_tokens", "usage.cache_read_input_tokens"),
    cache_write_5m_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_5m_input_tokens",
    cache_write_1h_tokens=f"{_DETAILS}.cache_creation_token_details.ephemeral_1h_input_tokens",
    cache_created=(f"{_DETAILS}.cache_creation_tokens", "usage.cache_creation_input_tokens"),
    searches=("usage.server_tool_use.web_search_requests", f"{_DETAILS}.web_search_requests"),
)
_PROVIDERS = {
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "ollama_chat": "ollama",
    "text-completion-openai": "openai",
    "vertex_ai_beta": "vertex",
}
_WATCHED = "_tokenbudget_items"


def _other_names(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take cache writes and searches from where LiteLLM puts them for providers that are not OpenAI."""
    found["cache_write_tokens"] = max(found.get("cache_write_tokens", 0), found.pop("cache_created", 0))
    if searches := found.pop("searches", 0):
        found["tools"] = {"web_search": searches}


def _image_tokens(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Leave out counts of 0, which LiteLLM gives to images that are billed by the piece."""
    if not found.get("input_tokens") and not found.get("output_tokens"):
        found.pop("input_tokens", None)
        found.pop("output_tokens", None)


CHAT = replace(openai.CHAT, read=_READ, rules=(*openai.CHAT.rules, _other_names), adds=("tools",))
COMPLETIONS = replace(openai.COMPLETIONS, read=_READ, rules=(*openai.COMPLETIONS.rules, _other_names))
# The cost in a response's usage is no bill here: LiteLLM writes its own estimate there.
RESPONSES = replace(openai.RESPONSES, rules=(openai_rules.server_tools,))
IMAGES = replace(openai.IMAGES, rules=(_image_tokens, *openai.IMAGES.rules))
_FUNCTIONS = {
    "completion": CHAT,
    "text_completion": COMPLETIONS,
    "responses": RESPONSES,
    "embedding": openai.EMBEDDINGS,
    "image_generation": IMAGES,
    "image_edit": IMAGES,
    "transcription": openai.TRANSCRIPTIONS,
    "speech": openai.SPEECH,
    "rerank": cohere.RERANK,
}
"""Each has an asynchronous twin with an ``a`` in front."""


class LiteLlm:
    """The SDK that is a module of functions."""

    name = "litellm"
    clients = ()
    apis: tuple[Api, ...] = tuple(dict.fromkeys(_FUNCTIONS.values()))

    def __init__(self) -> None:
        self._everything = False
        self._installed = False

    def supports(self, client: Any) -> bool:
        """Tell whether this is the module."""
        return isinstance(client, ModuleType) and client.__name__ == self.name

    def wrap(self, client: Any, provider: str | None) -> None:
        """Observe the module's functions."""
        self._install(client)
        if MARK not in client.__dict__ or provider is not None:
            client.__dict__[MARK] = Mark(provider)

    def patch(self) -> None:
        """Observe the module's functions."""
        self._install(sys.modules[self.name])
        self._everything = True

    def unpatch(self) -> None:
        """Observe them only if the module is wrapped."""
        self._everything = False

    def mark(self, module: Any) -> Mark | None:
        """Give the module's mark; a plain one where everything is observed, None where nothing is."""
        return module.__dict__.get(MARK) or (Mark() if self._everything else None)

    def _install(self, module: Any) -> None:
        if self._installed:
            return
        self._installed = True
        for name, api in _FUNCTIONS.items():
            if hasattr(module, name):  # which versions have not always had
                named = tuple(signature(getattr(module, name)).parameters)
                self._observe(module, name, _Function(self, api, named, Items))
                self._observe(module, f"a{name}", _Function(self, api, named, AsyncItems))

    def _observe(self, module: Any, name: str, function: _Function) -> None:
        original = getattr(module, name)
        shell = shells.function_shell(original, function, module)
        for home in (module, sys.modules[original.__module__]):
            if getattr(home, name, None) is original:
                setattr(home, name, shell)


class _Function:
    """Between a shell and a function of the module."""

    def __init__(self, sdk: LiteLlm, api: Api, names: tuple[str, ...], items: type[Items | AsyncItems]) -> None:
        self._sdk = sdk
        self._api = api
        self._names = names
        self._items = items

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._sdk.mark(owner)
        if mark is None or kwargs.get("mock_response"):
            return None
        request = {**dict(zip(self._names, args, strict=False)), **kwargs}
        model, provider = _target(owner, str(request.get("model") or ""), kwargs)
        attempt = Attempt(Call(self._api, mark.provider or provider, request, model=model), owner, args, kwargs)
        if self._api.ask_for_usage and kwargs.get("stream"):
            _ask(attempt)
        return attempt

    def end(self, attempt: Attempt, result: Any) -> Any:
        call = attempt.call
        if getattr(result, "_hidden_params", {}).get("cache_hit") or not isinstance(call, Call):
            return result  # from LiteLLM's own cache: nobody was asked, nothing is billed
        if call.api.request_only:
            call.answered(None)
        elif attempt.kwargs.get("stream") and hasattr(result, "__next__" if self._items is Items else "__anext__"):
            _watch_steps(type(result))
            result.__dict__[_WATCHED] = self._items(_Own(result), call, hide_usage=attempt.hide_usage)
        else:
            call.answered(result)
        return result


def _target(module: Any, asked: str, kwargs: Mapping[str, Any]) -> tuple[str, str]:
    """Give the model and who bills it."""
    address = kwargs.get("api_base") or kwargs.get("base_url")
    try:
        model, provider, *_ = module.get_llm_provider(
            model=asked, custom_llm_provider=kwargs.get("custom_llm_provider"), api_base=address
        )
    except Exception:  # noqa: BLE001 (the call itself will say that the model is not known)
        provider, _, model = asked.rpartition("/")
    host = provider_at(urlsplit(address).hostname or "")[0] if address and provider == "openai" else None
    return model, host or canonical(_PROVIDERS.get(provider, provider))


def _ask(attempt: Attempt) -> None:
    """Ask for the stream's usage where the caller did not."""
    own, wanted = attempt.kwargs, attempt.kwargs.get("stream_options") or {}
    if wanted.get("include_usage"):
        return
    attempt.kwargs = {**own, "stream_options": {**wanted, "include_usage": True}}
    attempt.hide_usage = True

    def without(error: BaseException) -> tuple[Any, ...] | None:
        if type(error).__name__ != "UnsupportedParamsError":
            return None
        attempt.kwargs, attempt.hide_usage = own, False
        return attempt.args

    attempt.fallback = without


class _Own:
    """A stream's own steps, past ours.  Weakly, or a dropped stream would wait for the garbage collector."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Any) -> None:
        self._stream = weakref.ref(stream)

    def __iter__(self) -> Any:
        return self

    def __aiter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        stream: Any = self._stream()
        return _stepped[type(stream)]["__next__"](stream)

    async def __anext__(self) -> Any:
        stream: Any = self._stream()
        return await _stepped[type(stream)]["__anext__"](stream)


_stepped: dict[type, dict[str, Any]] = {}
"""Classes of streams that are observed -> their own steps."""


def _watch_steps(cls: Any) -> None:
    if cls in _stepped:
        return
    own = {name: getattr(cls, name) for name in ("__next__", "__anext__") if hasattr(cls, name)}
    _stepped[cls] = own
    for name, step in own.items():
        setattr(cls, name, _step(step) if name == "__next__" else _astep(step))


def _step(step: Any) -> Any:
    @functools.wraps(step)
    def observed(self: Any) -> Any:
        watched = self.__dict__.get(_WATCHED)
        return step(self) if watched is None else next(watched)

    return observed


def _astep(step: Any) -> Any:
    @functools.wraps(step)
    async def observed(self: Any) -> Any:
        watched = self.__dict__.get(_WATCHED)
        return await (step(self) if watched is None else anext(watched))

    return observed


SDK = LiteLlm()
