"""What a response's server tools are billed by: what the answer states of them, else the items of its output."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from tokenbudget.capture import seen_ids
from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.usage.fields import NONE, Fields, Reader, fields
from tokenbudget.capture.usage.totals import with_passes
from tokenbudget.core.usage import Pass, Usage

# xAI's own counts -> our tools.  What is not here is taken under its own name, and has no price until it has a fee.
_STATED = {
    "web_search_calls": "web_search",
    "x_search_calls": "x_search",
    "code_interpreter_calls": "code_interpreter",
    "file_search_calls": "file_search",
    "document_search_calls": "attachment_search",
    "image_generation_calls": "image_generation",
    "x_posts_fetched": "x_posts",
    "x_users_fetched": "x_profiles",
}
_BY_THE_TOKEN = frozenset({"mcp_calls"})
_X_SEARCHES = frozenset({"x_keyword_search", "x_semantic_search", "x_user_search", "x_thread_fetch"})
"""Names under which xAI lists its searches of X as calls of custom tools."""
_BILLED = frozenset(
    {
        "web_search_call",
        "x_search_call",
        "custom_tool_call",
        "code_interpreter_call",
        "shell_call",
        "file_search_call",
        "image_generation_call",
    }
)
_SMALLEST = "1g"
"""The memory of a container where the request leaves it open."""
_IMAGES = Reader(
    input_tokens="input_tokens",
    output_tokens="output_tokens",
    input_image_tokens="input_tokens_details.image_tokens",
    cache_read_tokens="cached_tokens",
    cache_read_image_tokens="cached_tokens_details.cached_image_tokens",
    output_image_tokens="output_tokens_details.image_tokens",
)
_AUTHOR = Reader(input_tokens="input_tokens", output_tokens="output_tokens", reasoning_tokens="reasoning_tokens")


def server_tools(found: Found, response: Fields, request: Fields) -> None:
    """Count the calls of tools that the server runs and bills apart, and the tokens of models that tools call."""
    items = [item for one in response.get("output") or () if (item := fields(one)).get("type") in _BILLED]
    spent, stated = fields(response.get("tool_usage")), found.pop("tool_calls", None)
    if not items and not spent and stated is None:
        return
    offered = [fields(one) for one in response.get("tools") or _listed(request.get("tools"))]
    tools = _counted(items, offered, found)
    searches = fields(spent.get("web_search")).get("num_requests")
    if searches is not None:
        tools[_search(offered)] = searches
    if stated is not None:
        _take_stated(tools, fields(stated))
    drawn = [item for item in items if item["type"] == "image_generation_call" and item.get("status") != "failed"]
    passes = [*_drawing(tools, drawn, fields(spent.get("image_gen")), offered), *_authors(drawn)]
    if passes and found.get("input_tokens") is None:
        tools["image_generation"] = len(passes)  # there is no whole to add them to
    with_passes(found, "response", passes)
    if any(tools.values()):
        found["tools"] = {name: calls for name, calls in tools.items() if calls}


def svg_authors(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add the tokens of the model that writes an image as SVG: they are not in the usage of the image model."""
    authors = list(_authors([response]))
    if authors and found.get("input_tokens") is None:
        found["tools"] = {"svg": len(authors)}  # there is no whole to add them to
    with_passes(found, "image", authors)


def _listed(tools: Any) -> Iterable[Any]:
    """Return a request's tools; whatever is no list of them was not sent as one."""
    return tools if isinstance(tools, list | tuple) else ()


def _counted(items: list[Fields], offered: list[Fields], found: Found) -> dict[str, int]:
    """Count the calls that the output lists."""
    kinds = [item["type"] for item in items]
    tools = {
        _search(offered): sum(map(_is_search, items)),
        "x_search": kinds.count("x_search_call") + sum(item.get("name") in _X_SEARCHES for item in items),
        "file_search": kinds.count("file_search_call"),
    }
    created = found.get("created")
    at = float(created) if isinstance(created, int | float) else time.time()
    for memory in _sessions(items, offered, str(found.get("response_id")), at):
        name = "code_interpreter" if memory == _SMALLEST else f"code_interpreter:{memory or 'unknown'}"
        tools[name] = tools.get(name, 0) + 1
    return tools


def _search(offered: list[Fields]) -> str:
    """Name the web search that was offered to the model: what it costs depends on which of the two tools it is."""
    kinds = [str(tool.get("type")) for tool in offered]
    searches = [kind for kind in kinds if kind.startswith("web_search")]
    is_preview = bool(searches) and all(kind.startswith("web_search_preview") for kind in searches)
    return "web_search_preview" if is_preview else "web_search"


def _is_search(item: Fields) -> bool:
    # Opening a page or finding in it belongs to the search before it and is not billed.
    return item["type"] == "web_search_call" and bool(fields(item.get("action")).get("type", "search") == "search")


def _sessions(items: list[Fields], offered: list[Fields], response_id: str, at: float) -> Iterator[str]:
    """Return the memory of each container whose session begins here: that is billed, and not each use of it."""
    seen: set[str] = set()
    for number, item in enumerate(items):
        tool, container = _container(item)
        if tool and (key := container or f"{response_id} {number}") not in seen:
            seen.add(key)
            memory = _memory(tool, offered)
            begun, known = seen_ids.container(key, response_id, at, memory)
            if begun:
                yield known


def _container(item: Fields) -> tuple[str, str]:
    """Return the tool whose container an item used, and which; no tool where it used none of the server's."""
    if item["type"] == "code_interpreter_call":
        return "code_interpreter", str(item.get("container_id") or "")
    where = fields(item.get("environment")) if item["type"] == "shell_call" else NONE
    return ("shell", str(where["container_id"])) if where.get("container_id") else ("", "")


def _memory(tool: str, offered: list[Fields]) -> str:
    """Return the memory that a tool's containers are made with; empty where the caller named a container of its own."""
    for known in offered:
        if known.get("type") == tool:
            made = known.get("container") if tool == "code_interpreter" else known.get("environment")
            if isinstance(made, str) or fields(made).get("container_id"):
                return ""
            return str(fields(made).get("memory_limit") or _SMALLEST)
    return _SMALLEST if tool == "code_interpreter" else ""


def _take_stated(tools: dict[str, int], counts: Fields) -> None:
    """Use the counts stated in the usage, as in xAI's, instead of those counted here."""
    for name, count in counts.items():
        if str(count).isdigit() and name not in _BY_THE_TOKEN:
            tools[_STATED.get(name, name.removesuffix("_calls"))] = int(count)
    if counts.get("code_interpreter_calls") is not None:
        for name in [name for name in tools if name.startswith("code_interpreter:")]:
            del tools[name]
    if counts.get("x_posts_fetched") is not None or counts.get("x_users_fetched") is not None:
        tools.pop("x_search", None)  # billed are the posts and profiles that it found


def _drawing(tools: dict[str, int], drawn: list[Fields], spent: Fields, offered: list[Fields]) -> Iterator[Pass]:
    """Return what the image model used; where that or its name is not stated, count the images, which have no price."""
    counts: dict[str, Any] = {n: count for n, count in _IMAGES(spent).items() if type(count) is int and count}
    models = {tool.get("model") for tool in offered if tool.get("type") == "image_generation"}
    model = models.pop() if len(models) == 1 else None
    if isinstance(model, str) and counts:
        counts.setdefault("output_image_tokens", counts.get("output_tokens", 0))
        yield Pass(
            usage=Usage(**{"input_tokens": 0, "output_tokens": 0} | counts), model=model, kind="image_generation"
        )
    elif drawn or counts:
        tools["image_generation"] = len(drawn) or 1


def _authors(drawn: Iterable[Fields]) -> Iterator[Pass]:
    """Return what the models that write images as SVG used."""
    for item in drawn:
        spent = fields(item.get("svg_usage"))
        if model := spent.get("model"):
            yield Pass(usage=Usage(**_AUTHOR(spent)), model=str(model), kind="svg")
