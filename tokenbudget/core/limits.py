"""Limits of an event's fields, and the rule for text that cannot be stored.

UTF-8 cannot encode half of a surrogate pair, and Postgres does not accept U+0000.  A provider, a gateway or another
client may send either, or a name of any length.  Such text is made storable and marked; the event is always kept.
"""

from __future__ import annotations

import re

MOST_TAGS = 20
LONGEST_TAG_VALUE = 256
LONGEST_TAG_KEY = 64
TAG_KEY = re.compile(rf"[A-Za-z0-9_.:-]{{1,{LONGEST_TAG_KEY}}}")
LARGEST_METADATA = 4 * 2**10
"""Bytes of JSON; also of all warnings together."""
LONGEST: dict[str, int] = {  # Of few values each.
    "provider": 64,
    "model": 256,
    "operation": 64,
    "requested_model": 256,
    "unpriced": 256,
    "price_key": 512,
    "service_tier": 64,
    "speed": 64,
    "region": 64,
    "error_type": 256,
    "project": 256,
}
"""Characters of an event's texts, but for the response's id."""
LONGEST_RESPONSE_ID = 1024
"""Gateways write routes and models into it."""
LONGEST_KIND = 64
"""Characters of the name of a tool, a unit or a kind of pass."""

REPLACEMENT = "\ufffd"
CUT = "…"
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether a text holds neither U+0000 nor half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or _NOT_STORABLE.search(text) is None)


def storable(text: str, most: int | None = None) -> str:
    r"""Return a storable text; the same object if nothing has to change.

    Parameters
    ----------
    text : str
        What was sent.
    most : int, optional
        Characters to keep; a longer text ends with ``…``.

    Examples
    --------
    >>> storable("gpt-4o\ud83d"), storable("a long name", 6)
    ('gpt-4o�', 'a lon…')
    """
    if most is not None and len(text) > most:  # First, as what is cut away need not be looked at.
        text = text[: most - 1] + CUT
    return text if is_storable(text) else _NOT_STORABLE.sub(REPLACEMENT, text)
