"""LiteLLM's calls of one provider's own API in its own shape: Anthropic's messages, Gemini's contents, interactions.

Its functions for these go to the provider itself or, where it does not speak that API, through a completion or a
response, which is observed as such.  So what is observed here is where the request to the provider is made.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import Any

from tokenbudget.capture.adapters.litellm import streams
from tokenbudget.capture.call import Call
from tokenbudget.capture.instrument.api_spec import Api
from tokenbudget.capture.instrument.clients.methods import Method, MethodSdk, ObservedCall
from tokenbudget.capture.instrument.observers import ByteEvents
from tokenbudget.capture.providers.anthropic import MESSAGES
from tokenbudget.capture.providers.google import FETCHED_INTERACTIONS, GENERATE, INTERACTIONS
from tokenbudget.core.providers import litellm_provider

_PLACES = ("vertex_location", "vertex_ai_location", "aws_region_name")
_SENT = ("model", "messages", "contents", "input")
_HTTP = "litellm.llms.custom_httpx"
_BASE = f"{_HTTP}.llm_http_handler.BaseLLMHTTPHandler"
_INTERACTIONS = "litellm.interactions.http_handler.InteractionsHTTPHandler"
_OBSERVED = (
    (_BASE, "async_anthropic_messages_handler", MESSAGES),  # there is none for plain calls
    (_BASE, "generate_content_handler", GENERATE),
    (_BASE, "async_generate_content_handler", GENERATE),
    (_INTERACTIONS, "create_interaction", INTERACTIONS),
    (_INTERACTIONS, "async_create_interaction", INTERACTIONS),
    (_INTERACTIONS, "get_interaction", FETCHED_INTERACTIONS),
    (_INTERACTIONS, "async_get_interaction", FETCHED_INTERACTIONS),
)
"""Class and method, and the API it calls."""


def region_in(arguments: Mapping[str, Any]) -> str | None:
    """Return the region that a call names, for the clouds that bill by it."""
    return next((str(arguments[name]) for name in _PLACES if arguments.get(name)), None)


def _asked(api: Api, handler: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedCall | None:  # noqa: ARG001
    if kwargs.get("_is_async"):
        return None  # it hands the call on to its twin
    request = dict(kwargs.get("anthropic_messages_optional_request_params") or {})
    request |= {name: kwargs[name] for name in _SENT if kwargs.get(name) is not None}
    return ObservedCall(
        api=api,
        provider=litellm_provider(kwargs["custom_llm_provider"]),
        request=request,
        model=kwargs.get("model"),
        region=region_in(dict(kwargs.get("litellm_params") or {})),
    )


def _observe(result: Any, call: Call, *, is_async: bool) -> Any:
    if streams.is_stream(result):
        events: Any = ByteEvents(call)
        return streams.observe(result, events, is_async=is_async)
    call.answered(result)
    return result


def _module(handler: Any) -> Any:  # noqa: ARG001 (the signature of a Method's `marked`)
    """Return the module, which is what is wrapped."""
    return sys.modules["litellm"]


HANDLERS = MethodSdk(
    name="litellm",
    clients=(),
    apis=(MESSAGES, GENERATE, INTERACTIONS),
    methods=tuple(
        Method(
            owner=owner,
            name=name,
            asked=functools.partial(_asked, api),
            result=functools.partial(_observe, is_async=name.startswith("async_")),
            marked=_module,
        )
        for owner, name, api in _OBSERVED
    ),
    sends=(
        *(f"{_HTTP}.http_handler.{kind}HTTPHandler.post" for kind in ("", "Async")),
        *(f"openai._base_client.{kind}APIClient._build_request" for kind in ("Sync", "Async")),
    ),
)
