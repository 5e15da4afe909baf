"""Estimate tokens from text, where a stream broke off before the provider said how many.

One token is taken for four bytes of UTF-8: about right for English prose and code, and not far off for scripts that
take two or three bytes a letter.  Events measured so carry ``measured="estimated"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BYTES_PER_TOKEN = 4

_PROMPT_KEYS = ("messages", "input", "prompt", "instructions", "system", "tools", "contents", "systemInstruction")
_ELSEWHERE = ("previous_response_id", "conversation", "context_management", "container", "cachedContent")
_NOT_TEXT = {
    "audio",
    "document",
    "file",
    "image",
    "image_url",
    "input_audio",
    "input_file",
    "input_image",
    "item_reference",
    "video_url",
}

_NOT_TEXT_FIELDS = frozenset({"audio", "document", "fileData", "image", "inlineData", "video"})


def text_bytes(text: str) -> int:
    """Count the bytes of a text in UTF-8.

    Examples
    --------
    >>> text_bytes("naïve")
    6
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def tokens(count: int) -> int:
    """Estimate the tokens in `count` bytes of text, rounding up.

    Examples
    --------
    >>> tokens(0), tokens(1), tokens(9)
    (0, 1, 3)
    """
    return -(-count // BYTES_PER_TOKEN)


def prompt_tokens(request: Mapping[str, Any] | None) -> int | None:
    """Estimate the input tokens of a request; None where its text is not all of its input.

    Examples
    --------
    >>> prompt_tokens({"messages": [{"role": "user", "content": "How are you?"}]})
    3
    >>> prompt_tokens({"input": "and then?", "previous_response_id": "resp_1"})
    """
    if not request or any(request.get(name) for name in _ELSEWHERE):
        return None
    total = 0
    for name in _PROMPT_KEYS:
        size = _size(request.get(name))
        if size is None:
            return None
        total += size
    return tokens(total) if total else None


def _size(value: Any, *, name: str = "") -> int | None:
    if isinstance(value, str):
        return 0 if name in {"role", "type", "id"} else text_bytes(value)
    if isinstance(value, Mapping):
        if value.get("type") in _NOT_TEXT or not _NOT_TEXT_FIELDS.isdisjoint(value):
            return None
        sizes = [_size(inner, name=key) for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        sizes = [_size(inner) for inner in value]
    else:
        return 0
    return None if None in sizes else sum(size for size in sizes if size is not None)
