"""Read a plain chat completion in one function: most calls are one, so each line here adds to most calls.

Gives what the table and the rules would give, but for counts of nothing; None where anything is there that these have
to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.usage.fields import Reader

_SYSTEMS = frozenset({"usage_breakdown", "x_groq"})
"""What an answer of Groq's has, whose message may tell of tools."""
_TEXT = {"text_tokens": "text_tokens"}
"""The remainders of wholes beside their parts, which some servers state and TokenBudget does not record."""


def fast_chat_reader(read: Reader) -> Callable[[Any], Found | None]:
    """Make the quick reading of what `read`, a chat completion's table, reads."""
    inside, of_output = (_TEXT | read.names(f"usage.{side}_tokens_details") for side in ("prompt", "completion"))
    beside = read.names("usage").keys() - {"prompt_tokens", "completion_tokens", "total_tokens"}

    def fast_reader(response: Any) -> Found | None:
        try:
            known = response.__dict__
            model, usage = known["model"], known["usage"]
            told, extra = usage.__dict__, usage.__pydantic_extra__
            given, made = told["prompt_tokens"], told["completion_tokens"]
            # More in all than on both sides is reasoning or a thought that is left out of them.
            if told["total_tokens"] != given + made or "-search-" in model or (extra and not beside.isdisjoint(extra)):
                return None
            if (more := response.__pydantic_extra__) and not _SYSTEMS.isdisjoint(more):
                return None
            found: Found = {
                "model": model,
                "response_id": known["id"],
                "service_tier": known["service_tier"],
                "input_tokens": given,
                "output_tokens": made,
            }
            if (details := told["prompt_tokens_details"]) is not None:
                _add(found, details, inside)
            if (details := told["completion_tokens_details"]) is not None:
                _add(found, details, of_output)
        except Exception:  # noqa: BLE001 (any other shape)
            return None
        return found

    return fast_reader


def _add(found: Found, details: Any, names: dict[str, str]) -> None:
    """Take the parts of a side.

    Raises
    ------
    KeyError
        If there is one of another name.
    """
    for name, count in details.__dict__.items():
        if count:
            found[names[name]] = count
    if details.__pydantic_extra__:
        raise KeyError
