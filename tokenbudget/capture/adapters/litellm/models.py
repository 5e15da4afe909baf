"""Which model a call of LiteLLM's reaches, and who bills it."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit

from tokenbudget.core.providers import billed_by, litellm_provider, provider_at

_MAKER = re.compile(rb"custom_llm_provider:([^;]+)")


def target(module: Any, asked: str, kwargs: Mapping[str, Any]) -> tuple[str, str]:
    """Return the model and who bills it."""
    if not asked and (maker := _maker(str(kwargs.get("response_id") or kwargs.get("video_id")))):
        return "", litellm_provider(maker)
    address = kwargs.get("api_base") or kwargs.get("base_url")
    try:
        model, provider, _, base = module.get_llm_provider(
            model=asked, custom_llm_provider=kwargs.get("custom_llm_provider"), api_base=address
        )
        address = address or base
    except Exception:  # noqa: BLE001 (the call itself will say that the model is not known)
        provider, _, model = asked.rpartition("/")
    there = provider_at(urlsplit(address).hostname or "")[0] if address else None
    made_for = litellm_provider(provider)
    # LiteLLM calls every server that speaks OpenAI's protocol by that name.
    return model, billed_by(None if made_for == "openai" else made_for, there) or made_for


def _maker(response_id: str) -> str | None:
    """Return the provider that LiteLLM writes into the ids of its responses and videos."""
    try:
        found = _MAKER.search(b64decode(response_id.partition("_")[2]))
    except ValueError:  # an id of the provider's own
        return None
    return found[1].decode() if found else None


def instead(module: Any, kwargs: Mapping[str, Any], result: Any) -> tuple[str, str] | None:
    """Return the model, and who bills it, that LiteLLM turned to as the context of the one asked for was too small."""
    asked = kwargs.get("model")
    other = (kwargs.get("context_window_fallback_dict") or {}).get(asked)
    if not other:
        return None
    answered = str(getattr(result, "model", None) or "")
    likest = max((asked, other), key=lambda name: _likeness(name.rpartition("/")[2], answered))
    return target(module, other, {}) if likest == other else None


def _likeness(name: str, other: str) -> int:
    """Count the characters that two names have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False)))
