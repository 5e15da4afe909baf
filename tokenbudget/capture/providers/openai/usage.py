"""What the tables of OpenAI's shapes cannot say; each rule goes by what the response states, not by who sent it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.instrument.bounded_dict import BoundedDict
from tokenbudget.capture.usage.fields import Fields, fields
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.capture.usage.totals import by_total

_TICKS_PER_DOLLAR = Decimal(10) ** 10
_SEARCHES = re.compile(r"gpt-.*-search-(preview|api)\b")
_FINISHED = frozenset({"completed", "incomplete", "failed", "cancelled", "expired"})


def chat(found: Found, response: Fields, request: Fields) -> None:
    """Complete a chat completion: all its rules in one, as it is what most calls are."""
    if "ticks" in found or "cost" in found:
        reported_cost(found, response, request)
    total, model = found.pop("total_tokens", None), found.get("model")
    given, made = found.get("input_tokens"), found.get("output_tokens")
    if total is not None and (type(given) is not int or type(made) is not int or total != given + made):
        by_total(found, total, rest=_left_out(found, model))
    if "search_queries" in found or "citation_tokens" in found:
        _research(found, response)
    if "search_context" in found:
        _request(found)
    if sources := found.pop("live_sources", None):
        found["tools"] = {"live_search_sources": sources}
    if type(model) is str and "-search-" in model:
        _built_in_search(found, model)
    if "x_groq" in response or "usage_breakdown" in response:
        from tokenbudget.capture.providers.groq.usage import system  # Groq's own shapes are made of OpenAI's.

        system(found, response)


def _research(found: Found, response: Fields) -> None:
    """Add what Perplexity's research bills beside the answer: thoughts and citations (its total leaves them out)."""
    # What stands in completion_tokens_details is inside the completion, as it is everywhere.
    thoughts = fields(response.get("usage")).get("reasoning_tokens") or 0
    if (written := found.get("output_tokens")) is not None:
        found["output_tokens"] = written + thoughts + found.get("citation_tokens", 0)
    if queries := found.pop("search_queries", 0):
        found["tools"] = {**found.get("tools", {}), "search_queries": queries}


def _request(found: Found) -> None:
    """Count the request itself, which Perplexity bills by its search context where it does not bill each search."""
    size = found.pop("search_context")
    if not found.get("tools"):
        found["tools"] = {f"request_fee:{size}": 1}


def _left_out(found: Found, model: object) -> str:
    """Name what is stated nowhere but in the total: Gemini's thoughts, and the sound that Mistral's models hear."""
    name = model.rpartition("/")[2] if type(model) is str else ""
    if found.get("audio_seconds") or name.startswith("voxtral"):
        return "input_audio_tokens"
    return "reasoning_tokens" if name.startswith("gemini") and "reasoning_tokens" not in found else ""


def reported_cost(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take the provider's own bill.

    OpenRouter and Vercel state it as ``cost``, DeepInfra as ``estimated_cost``, Perplexity as ``cost.total_cost``,
    xAI in ticks.
    """
    if (ticks := found.pop("ticks", None)) is not None:
        found["reported_cost_usd"] = Decimal(ticks) / _TICKS_PER_DOLLAR
    elif (cost := found.pop("cost", None)) is not None:
        parts = None if isinstance(cost, int | float | str) else fields(cost)
        total = cost if parts is None else parts.get("total_cost")
        upstream = _billed_by_owner(response)
        if total is not None and upstream is not None:
            found["reported_cost_usd"] = _exact(total) + upstream
        if parts is not None and (fee := parts.get("request_cost")) is not None:
            _request_fee(found, fee)


def _exact(amount: float | str) -> Decimal:
    """Read an amount through the shortest text of a float, which is what the JSON said."""
    return Decimal(str(amount))


def _billed_by_owner(response: Fields) -> Decimal | None:
    """Return what the key's own provider bills beside OpenRouter's fee, where OpenRouter used a key of the user's.

    None where it is not stated: the fee alone is not what the call cost.
    """
    usage = fields(response.get("usage"))
    if usage.get("is_byok") is not True:
        return Decimal(0)
    stated = fields(usage.get("cost_details")).get("upstream_inference_cost")
    return None if stated is None else _exact(stated)


def _request_fee(found: Found, fee: float) -> None:
    """Count the request itself, which Perplexity bills by its search context."""
    found["tools"] = {f"request_fee:{found.pop('search_context', 'low')}": 1}
    found["units"] = {"request_fee_usd": _exact(fee)}


def _built_in_search(found: Found, model: str) -> None:
    """Count the search that chat models made for it do before they answer, whatever is asked; no answer states it."""
    if _SEARCHES.match(model) and "input_tokens" in found:
        found["tools"] = {"web_search": 1}


def is_pending(answer: Fields) -> bool:
    """Return whether a response is still being made in the background: it is recorded when it is fetched."""
    return bool(answer.get("background")) and answer.get("status") in {"queued", "in_progress"}


def is_no_background_result(answer: Fields) -> bool:
    """Return whether a fetched response was recorded when it was made, or is not done yet."""
    return not answer.get("background") or is_pending(answer)


def is_no_finished_run(answer: Fields) -> bool:
    """Return whether an answer is not a run, or a run that has not finished."""
    return answer.get("object") != "thread.run" or answer.get("status") not in _FINISHED


def fetched_often(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Record a run once, under its own id: it is asked for until it is done, and may be asked for later."""
    found["background"] = True


def is_no_finished_video(answer: Fields) -> bool:
    """Return whether an answer is no video, or one that is not made yet, or that failed and is not billed."""
    return answer.get("object") != "video" or answer.get("status") != "completed"


_extended = BoundedDict[str]()
"""Ids of extended videos -> the seconds that were added: what is fetched later states those of the whole."""


def extends(answer: Fields, request: Fields) -> None:
    """Keep in mind how much longer a video is made."""
    if (video := answer.get("id")) and (length := request.get("seconds")):
        _extended[str(video)] = str(length)


def video_seconds(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the seconds that were made, by their size."""
    length = _extended.get(str(response.get("id")), response.get("seconds"))
    if length is not None:
        size = response.get("size")
        found["units"] = {f"video_seconds:{size}" if size else "video_seconds": Decimal(str(length))}


def fold_run(answer: dict[str, Any], event: Fields) -> int:
    """Add up a run's events: each of the run itself carries all of it, the last one with its usage."""
    kind, data = str(event.get("event")), fields(event.get("data"))
    if data.get("object") == "thread.run":
        answer.update(data, complete=data.get("status") in _FINISHED)
    if kind != "thread.message.delta":
        return 0
    parts = fields(data.get("delta")).get("content") or ()
    return sum(text_bytes(fields(fields(part).get("text")).get("value") or "") for part in parts)


def no_output(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Say that embeddings write nothing, where their usage is stated; Voyage states but the total."""
    total = found.pop("total_tokens", None)
    if found.get("input_tokens") is not None or total is not None:
        found["output_tokens"] = 0
        by_total(found, total)


def image_output(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Call all output image tokens where it is not split; count images where there are no tokens."""
    if found.get("output_tokens") is not None:
        found.setdefault("output_image_tokens", found["output_tokens"])
    elif images := response.get("data"):
        found["units"] = {"images": Decimal(len(images))}


def seconds(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count seconds of sound where they, and not tokens, are billed."""
    length = found.pop("seconds", None)
    if length is not None and found.get("input_tokens") is None:
        found["units"] = {"seconds": Decimal(str(length))}


def spoken(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Say that what was written is sound, where a stream of events states its usage."""
    if written := found.get("output_tokens"):
        found["output_audio_tokens"] = written


def characters(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the characters to be spoken where the answer is but sound and states nothing."""
    text = request.get("input")
    if isinstance(text, str) and "input_tokens" not in found:
        found["units"] = {"characters": Decimal(len(text))}
