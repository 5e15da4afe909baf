"""Accumulators: add the items of a stream up to the answer that the API returns without streaming.

An accumulator returns the bytes of text in an item, including reasoning and tool arguments.  They mark the first token,
and the output of a stream that was cut is estimated from them.

Nearly every item is a little text and nothing else, and must cost next to nothing: a text size returns the bytes of
such an item, and 0 for any other, which then has to be accumulated.
"""

from __future__ import annotations

from typing import Any

from tokenbudget.capture.usage.fields import Fields, fields
from tokenbudget.capture.usage.token_estimate import text_bytes

_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_HEAD = ("id", "model", "service_tier")
_BILLED_BY = ("type", "name", "status", "action", "container_id", "environment", "svg_usage")
"""What an item of a response's output has that its bill may depend on."""


def chat(answer: dict[str, Any], chunk: Fields) -> int:
    """Chat completions and completions: the last usage counts; it may come with or after the finish reason."""
    if "model" not in answer:
        answer.update({name: chunk[name] for name in _HEAD if chunk.get(name)})
    written = 0
    for choice in chunk.get("choices") or ():
        known = fields(choice)
        if known.get("finish_reason"):
            answer["stopped"] = True
        delta = known.get("delta")
        if delta is None:
            written += text_bytes(known.get("text") or "")
            continue
        said = fields(delta)
        written += _written(said)
        if tools := said.get("executed_tools"):
            answer.setdefault("executed_tools", []).extend(tools)
    usage = chunk.get("usage")
    if told := chunk.get("x_groq"):
        known = fields(told)
        answer.update(x_groq=True, usage_breakdown=known.get("usage_breakdown") or answer.get("usage_breakdown"))
        usage = known.get("usage") if usage is None else usage
    if usage:
        answer["usage"] = usage
        answer["complete"] = answer.get("stopped", False)
        if tier := chunk.get("service_tier"):
            answer["service_tier"] = tier
    return written


def _written(delta: Fields) -> int:
    text = delta.get("content")
    if text and isinstance(text, str):
        return text_bytes(text)
    written = 0
    for name in ("reasoning_content", "reasoning", "refusal"):
        text = delta.get(name)
        if text and isinstance(text, str):
            written += text_bytes(text)
    for call in delta.get("tool_calls") or ():
        function = fields(fields(call).get("function"))
        written += text_bytes(function.get("name") or "") + text_bytes(function.get("arguments") or "")
    return written


def chat_text_size(chunk: Any) -> int:
    """Chat completions: text of one choice."""
    try:
        known = chunk.__dict__
        (choice,) = known["choices"]
        said = choice.__dict__
        text = said["delta"].__dict__["content"]
        if not text or said["finish_reason"] is not None or known["usage"] is not None:
            return 0
        return len(text) if text.isascii() else text_bytes(text)
    except Exception:  # noqa: BLE001 (any other shape)
        return 0


def responses(answer: dict[str, Any], event: Fields) -> int:
    """Responses: the last event carries the whole response; until then the first one names it."""
    kind = event.get("type") or ""
    if kind.endswith(".delta"):
        text = event.get("delta")
        return text_bytes(text) if isinstance(text, str) else 0
    response = event.get("response")
    if response is not None:
        known = fields(response)
        if kind in _FINAL:
            answer.update(known, complete=True)
        else:
            # Where it runs in the background it goes on when the stream is left: its result is recorded when fetched.
            for name in ("id", "model", "created_at", "background", "status", "tools"):
                answer[name] = known.get(name)
    elif kind == "response.output_item.done":
        item = fields(event.get("item"))
        if item.get("type") != "message":
            answer.setdefault("output", []).append({name: item[name] for name in _BILLED_BY if name in item})
    return 0


def responses_text_size(event: Any) -> int:
    """Responses: text, of an answer, a refusal or a tool's arguments."""
    try:
        known = event.__dict__
        text = known["delta"]
        return text_bytes(text) if known["type"].endswith(".delta") else 0
    except Exception:  # noqa: BLE001 (any other shape)
        return 0


def last_event(answer: dict[str, Any], event: Fields) -> int:
    """Images and transcriptions: the event that ends the stream carries the usage."""
    usage = event.get("usage")
    if usage is not None:
        answer.update(usage=usage, svg_usage=event.get("svg_usage"), complete=True)
    text = event.get("delta")
    return text_bytes(text) if isinstance(text, str) else 0


def messages(answer: dict[str, Any], event: Fields) -> int:
    """Anthropic's messages: the start has the input and the split of cache writes; each delta's counts replace ours."""
    kind = event.get("type")
    if kind == "content_block_delta":
        delta = fields(event.get("delta"))
        return text_bytes(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")
    if kind == "message_start":
        message = fields(event.get("message"))
        answer.update({name: message.get(name) for name in _HEAD}, usage=dict(fields(message.get("usage"))))
    elif kind == "message_delta":
        usage = answer.setdefault("usage", {})
        usage.update({name: value for name, value in fields(event.get("usage")).items() if value is not None})
        answer["complete"] = fields(event.get("delta")).get("stop_reason") is not None
    return 0


def messages_text_size(event: Any) -> int:
    """Anthropic's messages: text of a block."""
    try:
        known = event.__dict__
        return text_bytes(known["delta"].__dict__["text"]) if known["type"] == "content_block_delta" else 0
    except Exception:  # noqa: BLE001 (any other shape)
        return 0
