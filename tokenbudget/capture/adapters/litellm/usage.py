"""What LiteLLM's shapes say otherwise than the providers whose answers it turns into them."""

from __future__ import annotations

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.providers import anthropic, cohere
from tokenbudget.capture.providers.google import usage as google
from tokenbudget.capture.usage.fields import Fields
from tokenbudget.capture.usage.totals import with_lifetimes, with_passes
from tokenbudget.core.usage import TOKEN_FIELDS

_BILLERS = ("openrouter", "perplexity", "xai")


def _biller(request: Fields) -> str:
    return str(request.get("custom_llm_provider") or str(request.get("model")).partition("/")[0])


def _model(found: Found, request: Fields) -> str:
    return str(found.get("model") or request.get("model"))


def grounded(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add what Gemini's tools gave it to read, which LiteLLM leaves out of the prompt where one of them searched."""
    given, read, total = (found.get(name) for name in ("input_tokens", "tool_prompt_tokens", "total_tokens"))
    if given is not None and read and found.get("searches"):
        found["input_tokens"] = given + read
        if total == given + found.get("output_tokens", 0):  # its own sum, in a stream
            found["total_tokens"] = total + read


def asked_tier(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take the tier that Gemini was asked for: LiteLLM leaves out the one that it states."""
    if "gemini" in _model(found, request) and (tier := request.get("service_tier")):
        found.setdefault("service_tier", str(tier))


def passes(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Tell apart the passes that Anthropic counts beside its total: here the total has them."""
    beside = anthropic.passes_beside(found.pop("iterations", ()))
    for name in TOKEN_FIELDS if beside else ():
        if counted := sum(getattr(one.usage, name) or 0 for one in beside):
            found[name] = found.get(name, 0) - counted
    with_passes(found, "message", beside)


def unbilled(found: Found, response: Fields, request: Fields) -> None:
    """Return no cost to Cohere's answers: LiteLLM hands its tokens on and not the billed units."""
    if _biller(request).startswith("cohere"):
        cohere.billed_units_left_out(found, response, request)


def other_names(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take cache writes and searches from where LiteLLM puts them for providers that are not OpenAI."""
    model, created = _model(found, request), found.pop("cache_created", 0)
    found["cache_write_tokens"] = max(found.get("cache_write_tokens", 0), created)
    if created and "claude" in model and _biller(request) not in _BILLERS:
        with_lifetimes(found)
    if (searches := found.pop("searches", 0)) and not found.get("tools"):
        found["tools"] = google.searches(model, searches) if "gemini" in model else {"web_search": searches}


def own_estimate(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Leave out the cost in a stream's usage: LiteLLM writes its own estimate there if the provider states none."""
    if request.get("stream") and _biller(request) not in _BILLERS:
        found.pop("cost", None)


def image_tokens(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Leave out counts of 0, which LiteLLM gives to images that are billed by the piece."""
    if not found.get("input_tokens") and not found.get("output_tokens"):
        found.pop("input_tokens", None)
        found.pop("output_tokens", None)
