"""Read JSON as the providers' own clients do, which take more than the standard has."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_strict = msgspec.json.Decoder().decode


def decode_json(data: bytes | bytearray | str) -> Any:
    r"""Decode JSON, also with halves of surrogate pairs, NaN, or bytes that are not UTF-8 in it.

    Raises
    ------
    ValueError
        If it is no JSON, and nothing else, whatever it is.

    Examples
    --------
    >>> decode_json(b'{"text": "\\ud83d", "usage": {"output_tokens": 3}}')["usage"]
    {'output_tokens': 3}
    """
    try:
        return _strict(data)
    except (ValueError, RecursionError):
        text = data if isinstance(data, str) else bytes(data).decode("utf-8", "surrogateescape")
    try:
        return json.loads(text)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None
