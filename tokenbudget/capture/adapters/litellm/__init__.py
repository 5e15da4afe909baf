"""LiteLLM: its functions, whichever provider they reach; `wrap` takes the module itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import signature
from types import ModuleType
from typing import Any

from tokenbudget.capture.adapters.litellm import streams
from tokenbudget.capture.adapters.litellm.functions import (
    FALLING_BACK,
    FETCHING,
    FUNCTIONS,
    HANDING_ON,
    RETRYING,
    TWINS,
    UNMEASURED,
)
from tokenbudget.capture.adapters.litellm.handlers import HANDLERS, region_in
from tokenbudget.capture.adapters.litellm.models import instead, target
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument import wrappers
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.batches.batch_results import BatchReading
from tokenbudget.capture.instrument.clients import mocked_transports, usage_request
from tokenbudget.capture.instrument.nesting import is_in
from tokenbudget.capture.instrument.sdk_spec import MARK, ClientMark, Guide
from tokenbudget.capture.instrument.wrappers import Attempt
from tokenbudget.capture.providers import openai
from tokenbudget.capture.usage.fields import fields
from tokenbudget.core.providers import litellm_provider
from tokenbudget.diagnostics.unmeasured import Unmeasured, note


class LiteLlm:
    """The SDK that is a module of functions."""

    name = "litellm"
    packages = ("litellm",)
    clients = ()
    apis: tuple[Api, ...] = (*dict.fromkeys(FUNCTIONS.values()), *HANDLERS.apis)
    unmeasured = tuple(Unmeasured(name, reason) for name, reason in UNMEASURED.items())

    guide = Guide(calls="sync, async, streams, batch results", checked_with="1.106.2", wrap="tb.wrap(litellm)")

    def __init__(self) -> None:
        self._everything = False
        self._installed = False

    def supports(self, client: Any) -> bool:
        """Return whether this is the module."""
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

    def mark(self, module: Any) -> ClientMark | None:
        """Return the module's mark; a plain one where everything is observed, None where nothing is."""
        return module.__dict__.get(MARK) or (ClientMark() if self._everything else None)

    def _install(self, module: Any) -> None:
        if self._installed:
            return
        self._installed = True
        for name, api in FUNCTIONS.items():
            asked = getattr(module, name.removesuffix(RETRYING), None)
            named = tuple(signature(asked).parameters) if asked is not None else ()
            self._observe(module, name, _Function(self, api, named, twin=TWINS.get(name, f"a{name}")))
            self._observe(module, f"a{name}", _Function(self, api, named))
        for name, path in FETCHING.items():
            self._observe(module, name, _Fetching(self, path, twin=f"a{name}"))
            self._observe(module, f"a{name}", _Fetching(self, path))
        for what in self.unmeasured:
            self._observe(module, what.call, _Noting(self, what, twin=f"a{what.call}"))
            self._observe(module, f"a{what.call}", _Noting(self, what))

    def _observe(self, module: Any, name: str, function: wrappers.CallHooks) -> None:
        original = getattr(module, name, None)
        if original is None:
            return  # versions have not always had all of them
        wrapper = wrappers.function_wrapper(original, function, module)
        for home in (module, sys.modules[original.__module__]):
            if getattr(home, name, None) is original:
                setattr(home, name, wrapper)


class _Attempt(Attempt):
    """A call of one of the functions.

    Attributes
    ----------
    given : tuple
        What calls of their own gave that were begun inside it.
    """

    given: tuple[Any, ...] = ()


class _Hooks:
    """The hooks of a function of the module.

    Parameters
    ----------
    sdk : LiteLlm
    twin : str
        Argument by which its asynchronous twin says that it calls it; empty: it is the asynchronous one.
    """

    package = LiteLlm.name

    def __init__(self, sdk: LiteLlm, twin: str) -> None:
        self._sdk = sdk
        self._twin = twin

    def _mark(self, owner: Any, kwargs: Mapping[str, Any]) -> ClientMark | None:
        """Return the module's mark; None where the call is observed at the asynchronous twin, which waits for it."""
        return None if self._twin and kwargs.get(self._twin) is True else self._sdk.mark(owner)

    def makes(self, maker: str, begun: wrappers.CallHooks) -> bool:
        """Return whether a call is ours: of a client that LiteLLM uses, or of a function that passes ours on."""
        return begun.package != self.package or any(is_in(maker, f"{self.package}.{one}") for one in HANDING_ON)


class _Function(_Hooks):
    """The hooks of a function that calls a model."""

    def __init__(self, sdk: LiteLlm, api: Api, names: tuple[str, ...], *, twin: str = "") -> None:
        super().__init__(sdk, twin)
        self._api = api
        self._names = names

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._mark(owner, kwargs)
        # With fallbacks each model that is tried is a call of its own, which LiteLLM makes by the function we observe.
        if mark is None or kwargs.get("mock_response") or (kwargs.get("fallbacks") and self._api in FALLING_BACK):
            return None
        request = {**dict(zip(self._names, args, strict=False)), **kwargs}
        model, provider = target(owner, str(request.get("model") or ""), kwargs)
        call = Call(self._api, mark.provider or provider, request, model=model, region=region_in(kwargs))
        attempt = _Attempt(call, owner, args, kwargs)
        if self._api.ask_for_usage and kwargs.get("stream"):
            _ask(attempt)
        return attempt

    def end(self, attempt: Attempt, result: Any) -> Any:
        call = attempt.call
        if getattr(result, "_hidden_params", {}).get("cache_hit") or not isinstance(call, Call):
            return result  # from LiteLLM's own cache: no provider was called, nothing is billed
        if _is_given_inside(attempt, result):
            if call.sends:  # It asked, and then went on to another call: what it was answered itself is not to be seen.
                call.answered(None)
            return result
        if other := instead(attempt.owner, attempt.kwargs, result):
            mark = self._sdk.mark(attempt.owner)
            call.model, provider = other
            call.provider = (mark and mark.provider) or provider
        if call.api.request_only:
            call.answered(None)
        elif attempt.kwargs.get("stream") and streams.is_stream(result):
            if attempt.hide_usage:
                _insist(result)
            return streams.observe(result, call, is_async=not self._twin, hide_usage=attempt.hide_usage)
        else:
            call.answered(result)
        return result


class _Fetching(_Hooks):
    """The hooks of a function that fetches a batch, or the file of its results."""

    def __init__(self, sdk: LiteLlm, path: str, *, twin: str = "") -> None:
        super().__init__(sdk, twin)
        self._path = path

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        mark = self._mark(owner, kwargs)
        if mark is None:
            return None
        fetched = args[0] if args else kwargs.get("batch_id") or kwargs.get("file_id")
        provider = mark.provider or litellm_provider(kwargs.get("custom_llm_provider") or "openai")
        return Attempt(BatchReading(openai.BATCHES, provider, None, self._path.format(fetched)), owner, args, kwargs)

    def end(self, attempt: Attempt, result: Any) -> Any:
        if isinstance(attempt.call, BatchReading):
            attempt.call.answered(result)
        return result


class _Noting(_Hooks):
    """The hooks of a function that is not measured."""

    def __init__(self, sdk: LiteLlm, what: Unmeasured, *, twin: str = "") -> None:
        super().__init__(sdk, twin)
        self._what = what

    def begin(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        if self._mark(owner, kwargs) is not None:
            note(self.package, self._what)

    def end(self, attempt: Attempt, result: Any) -> Any:  # noqa: ARG002 (there is no attempt)
        return result


def _is_given_inside(attempt: Attempt, result: Any) -> bool:
    """Return whether a call gives what a call of its own gave inside it, which is recorded."""
    around = wrappers.current_attempt.get()
    if isinstance(around, _Attempt):
        around.given += () if around.is_over else (result,)
    given, attempt.given = attempt.given, ()  # type: ignore[attr-defined]
    return any(result is one for one in given)


def _ask(attempt: Attempt) -> None:
    """Ask for the stream's usage where the caller did not."""
    own = attempt.kwargs
    http = getattr(getattr(attempt.owner, "module_level_client", None), "client", None)
    if fields(own.get("stream_options")).get("include_usage") or mocked_transports.answer_for(http):
        return
    attempt.kwargs = {**own, "stream_options": usage_request.with_usage(own)}
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
