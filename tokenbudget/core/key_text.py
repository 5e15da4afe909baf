"""API keys as text: whether one can be sent, and none in what people are shown."""

from __future__ import annotations

import re

_SECRET = re.compile(r"(tb_ak_)\w+")


def hide_keys(text: str) -> str:
    """Return a text without the API keys in it, as a server or a library may say back what it was sent.

    Examples
    --------
    >>> hide_keys("not accepted: Bearer tb_ak_0123456789abcdef0123456789abcdef")
    'not accepted: Bearer tb_ak_…'
    """
    return _SECRET.sub(r"\1…", text) if "tb_ak_" in text else text


def is_sendable(key: str) -> bool:
    """Return whether a header can carry a key: one word of ASCII letters, digits and signs."""
    return key.isascii() and key.isprintable() and " " not in key
