"""What Groq adds to a chat completion: the models that a compound system asked, and the tools that it ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.usage.fields import Fields, Reader, fields
from tokenbudget.capture.usage.totals import made_of
from tokenbudget.core.usage import Pass, Usage

_COUNTS = Reader(
    input_tokens="prompt_tokens",
    output_tokens="completion_tokens",
    cache_read_tokens="prompt_tokens_details.cached_tokens",
    reasoning_tokens="completion_tokens_details.reasoning_tokens",
)
# The types of Groq's tools -> ours.  What is not here is taken under its own name, and has no price until it has a fee.
_TOOLS = {
    "browser.search": "web_search",
    "browser.open": "visit_website",
    "visit": "visit_website",
    "python": "code_execution",
    "wolfram": "wolfram_alpha",
}
_FREE = frozenset({"browser.find"})


def system(found: Found, response: Fields) -> None:
    """Take the models that a system asked, each with what it used, and the tools that were run on the way."""
    asked = [fields(one) for one in fields(response.get("usage_breakdown")).get("models") or ()]
    if asked:
        made_of(found, (Pass(usage=Usage(**_COUNTS(fields(one.get("usage")))), model=one["model"]) for one in asked))
        found["model"] = asked[-1]["model"]  # the one that wrote; the system itself has no price
    run = {str(tool.get("index", number)): str(tool.get("type")) for number, tool in enumerate(_run(response))}
    tools: dict[str, int] = {}
    for kind in run.values():
        if kind not in _FREE:
            name = _TOOLS.get(kind, kind)
            tools[name] = tools.get(name, 0) + 1
    if tools:
        found["tools"] = tools


def _run(response: Fields) -> Iterator[Fields]:
    """Return the tools that were run: a stream tells them one by one, and each again when it is done."""
    lists: list[Iterable[Any]] = [response.get("executed_tools") or ()]
    lists += [
        fields(fields(choice).get("message")).get("executed_tools") or () for choice in response.get("choices") or ()
    ]
    for tools in lists:
        yield from map(fields, tools)
