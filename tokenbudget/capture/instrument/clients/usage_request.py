"""Request a stream's usage if the caller did not, from servers that state it only on request.

What the option causes must not reach the caller, and nothing else may be kept from the caller; the policy and its
reasons are in docs/decisions/0007-asking-for-usage.md.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tokenbudget.capture.instrument.clients import mocked_transports
from tokenbudget.capture.instrument.wrappers import Attempt
from tokenbudget.capture.usage.fields import NONE, fields
from tokenbudget.core.providers import provider_at, record_of

_REFUSED = (400, 422)
_refusing: set[tuple[str, str]] = set()
"""(Package, address) of servers that refused ``stream_options``: not asked again."""


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Return whether a request asks for its stream's usage, in OpenAI's way or in OpenRouter's.

    Examples
    --------
    >>> wants_usage({"usage": {"include": True}})
    True
    >>> wants_usage({"stream_options": {"include_obfuscation": False}})
    False
    """
    return bool(fields(body.get("stream_options")).get("include_usage") or fields(body.get("usage")).get("include"))


def with_usage(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's ``stream_options`` with the usage asked for."""
    return {**fields(body.get("stream_options")), "include_usage": True}


def ask(attempt: Attempt, options: Any, package: str) -> None:
    """Add the question to a request that Stainless's base client is to send, and mark its answer as ours.

    Parameters
    ----------
    attempt : Attempt
        The call; its arguments are replaced, and given back where the server refuses the option.
    options : object
        The request, one of the attempt's arguments; left as it is.
    package : str
        The SDK, e.g. ``openai``.
    """
    # The SDK puts `extra_body` over the body when it builds the request, key by key.
    body, extra = options.json_data, options.extra_json or NONE
    if not isinstance(body, dict) or wants_usage(sent := {**body, **extra}):
        return
    client = attempt.owner
    provider, _ = provider_at(client.base_url.host)
    server = (package, str(client.base_url))
    if (
        (provider is not None and record_of(provider).states_usage_unasked)
        or server in _refusing
        or mocked_transports.answer_for(getattr(client, "_client", None))
    ):
        return
    own = attempt.args
    asking = copy.copy(options)
    changed = "extra_json" if "stream_options" in extra else "json_data"
    setattr(asking, changed, {**getattr(options, changed), "stream_options": with_usage(sent)})
    attempt.args = tuple(asking if arg is options else arg for arg in own)
    attempt.hide_usage = attempt.args != own

    def without(error: BaseException) -> tuple[Any, ...] | None:
        if getattr(error, "status_code", None) not in _REFUSED:
            return None
        if "stream_options" in str(error):
            _refusing.add(server)
        elif provider is not None:
            return None  # a server known to understand it has something else to object to
        attempt.hide_usage = False
        return own

    attempt.fallback = without
