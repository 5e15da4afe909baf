"""What the tables of Gemini's shapes cannot say: sums, lists by modality, searches, and how streams add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tokenbudget.capture import seen_ids
from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.capture.instrument.observers import json_object
from tokenbudget.capture.usage.fields import Fields, fields, plain
from tokenbudget.capture.usage.token_estimate import text_bytes
from tokenbudget.capture.usage.totals import by_total

_NAMES = ("responseId", "modelVersion")
_PARTS = {
    "promptTokensDetails": "input_{}_tokens",
    "promptTokenDetails": "input_{}_tokens",  # as the Gemini API spells it for embeddings
    "toolUsePromptTokensDetails": "input_{}_tokens",
    "cacheTokensDetails": "cache_read_{}_tokens",
    "candidatesTokensDetails": "output_{}_tokens",
    "responseTokensDetails": "output_{}_tokens",  # as live sessions spell it
}
_INTERACTION_PARTS = {
    "input_tokens_by_modality": "input_{}_tokens",
    "tool_use_tokens_by_modality": "input_{}_tokens",
    "cached_tokens_by_modality": "cache_read_{}_tokens",
    "output_tokens_by_modality": "output_{}_tokens",
}
MODALITY_FIELDS = (
    *(f"{side}_{kind}_tokens" for side in ("input", "output") for kind in ("audio", "image", "video")),
    *(f"cache_read_{kind}_tokens" for kind in ("audio", "image")),
    "tools",
)
_BESIDE = ("tool_prompt_tokens", "reasoning_tokens")
_QUERIES = ("webSearchQueries", "imageSearchQueries")
_PENDING = frozenset({"queued", "in_progress"})
_INTERACTION_TOOLS = {"google_search": "google_search_queries", "google_maps": "google_maps"}


def whole_sides(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Add tool prompts to the input and thoughts to the output: Gemini counts them beside both, as the total shows."""
    total = found.pop("total_tokens", None)
    if found.get("input_tokens") is not None:
        found.setdefault("output_tokens", 0)  # a count of nothing is left out
        by_total(found, total, beside=_BESIDE)


def embedding(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Say that embeddings write nothing; Vertex counts the tokens of each text apart."""
    if found.get("input_tokens") is None:
        counts = [
            count
            for one in response.get("predictions") or ()
            if (count := fields(fields(fields(one).get("embeddings")).get("statistics")).get("token_count")) is not None
        ]
        if not counts:
            return
        found["input_tokens"] = int(sum(counts))
    found["output_tokens"] = 0
    by_total(found, found.pop("total_tokens", None))


def images(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the images that came; those that were filtered out are not billed."""
    made = [fields(one) for one in response.get("predictions") or ()]
    if count := sum("bytesBase64Encoded" in one or "gcsUri" in one for one in made):
        found["units"] = {"images": Decimal(count)}


def modalities(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the parts that are sound, images and video."""
    _count(found, fields(response.get("usageMetadata")), _PARTS, kind="modality", count="tokenCount")


def interaction_modalities(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Count the parts that are sound, images and video, as interactions name them."""
    _count(found, fields(response.get("usage")), _INTERACTION_PARTS, kind="modality", count="tokens")


def _count(found: Found, usage: Fields, parts: Mapping[str, str], *, kind: str, count: str) -> None:
    for name, ours in parts.items():
        for detail in usage.get(name) or ():
            field = ours.format(str(detail.get(kind)).lower())
            if field in MODALITY_FIELDS and (tokens := detail.get(count)):
                found[field] = found.get(field, 0) + tokens


def grounding(found: Found, response: Fields, request: Fields) -> None:
    """Count what grounding is billed by: prompts before Gemini 3, search queries since; Google Maps, and stores."""
    queries: set[tuple[str, str]] = set()
    maps = stores = False
    for candidate in response.get("candidates") or ():
        metadata = fields(candidate).get("groundingMetadata") or {}
        queries.update((name, query) for name in _QUERIES for query in metadata.get(name) or () if query)
        chunks = metadata.get("groundingChunks") or ()
        maps = maps or any("maps" in chunk for chunk in chunks)
        stores = (
            stores or bool(metadata.get("retrievalQueries")) or any("retrievedContext" in chunk for chunk in chunks)
        )
    asked = _asked_tools(request) if queries or stores else frozenset()
    tools = searches(str(found.get("model") or request.get("model") or ""), len(queries))
    if queries and "enterprisewebsearch" in asked:
        tools = {"enterprise_web_search": 1}
    if maps:
        tools["google_maps"] = 1
    if stores and "vertexaisearch" in asked:
        tools["vertex_ai_search"] = 1
    if tools:
        found["tools"] = tools


def _asked_tools(request: Fields) -> frozenset[str]:
    """Name the tools that a request offers, and the kinds of retrieval: no answer says which of them it used."""
    offered = [fields(tool) for tool in request.get("tools") or ()]
    kinds = (kind for tool in offered for kind in (*tool.items(), *fields(tool.get("retrieval")).items()))
    # The SDK spells them in both ways.
    return frozenset(name.replace("_", "").lower() for name, options in kinds if options is not None)


def searches(model: str, queries: int) -> dict[str, int]:
    """Return what a model's searches of Google are billed by: the prompt before Gemini 3, each search since."""
    if not queries:
        return {}
    old = any(f"gemini-{version}" in model for version in ("1", "2"))
    return {"grounded_prompt": 1} if old else {"google_search_queries": queries}


def interaction_tools(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Take the counts of grounding tools that interactions state."""
    tools: dict[str, int] = {}
    for stated in fields(response.get("usage")).get("grounding_tool_count") or ():
        name, count = str(stated.get("type")), stated.get("count")
        if count and name == "google_search":
            tools |= searches(str(found.get("model") or ""), count)
        elif count:
            tools[_INTERACTION_TOOLS.get(name, name)] = count
    if tools:
        found["tools"] = tools


def is_pending(interaction: Fields) -> bool:
    """Return whether an interaction is still being made in the background, and keep in mind that it was."""
    if interaction.get("status") not in _PENDING:
        return False
    seen_ids.remember(f"pending {interaction.get('id')}")
    return True


def was_not_pending(interaction: Fields) -> bool:
    """Return whether a fetched interaction was recorded when it was made (none says so), or is not done yet."""
    return is_pending(interaction) or not seen_ids.seen(f"pending {interaction.get('id')}")


def fetched_often(found: Found, response: Fields, request: Fields) -> None:  # noqa: ARG001
    """Record a fetched interaction once: it is asked for until it is done, and may be asked for later."""
    found["background"] = True
    if created := response.get("created"):
        found["created"] = datetime.fromisoformat(str(created)).timestamp()


def body_of(response: Fields) -> Fields:
    """Return the JSON of a response; the SDK's first versions pass it on decoded."""
    return json_object(response["body"]) if "body" in response else response


def as_json(answer: Any) -> Any:
    """Spell what the SDK's Python objects, or dicts made of them, hold as the API's JSON does; nulls are left out.

    Examples
    --------
    >>> as_json({"usage_metadata": {"prompt_token_count": 3, "thoughts_token_count": None}})
    {'usageMetadata': {'promptTokenCount': 3}}
    """
    return plain(answer, spell=_camel)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def fold_generate(answer: dict[str, Any], item: Fields) -> int:
    """Add up chunks: each repeats the usage so far, so the last count of each kind is the whole."""
    chunk = body_of(item)
    answer.update({name: chunk[name] for name in _NAMES if name in chunk})
    if "usageMetadata" in chunk:
        answer["usageMetadata"] = answer.get("usageMetadata", {}) | chunk["usageMetadata"]
    written = 0
    for candidate in chunk.get("candidates") or ():
        written += sum(map(_written, (candidate.get("content") or {}).get("parts") or ()))
        if metadata := candidate.get("groundingMetadata"):
            answer.setdefault("candidates", []).append({"groundingMetadata": metadata})
        if candidate.get("finishReason"):
            answer["complete"] = "promptTokenCount" in answer.get("usageMetadata", {})
    return written


def _written(part: Mapping[str, Any]) -> int:
    text = part.get("text")
    call = part.get("functionCall")
    return text_bytes(text) if text else text_bytes(str(call)) if call else 0


def fold_interaction(answer: dict[str, Any], event: Fields) -> int:
    """Add up events: the one that completes the interaction carries its usage."""
    interaction = event.get("interaction")
    if interaction:
        # Its status says how far it was; whether the stream was left is ours to say.
        answer.update({name: value for name, value in interaction.items() if name != "status"})
        answer["complete"] = "usage" in interaction
    return _texts((event.get("delta") or {}).values()) if event.get("event_type") == "step.delta" else 0


def _texts(values: Iterable[Any]) -> int:
    return sum(text_bytes(value) for value in values if isinstance(value, str))
