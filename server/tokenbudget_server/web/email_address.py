"""The one rule for email addresses, of users and of the waitlist."""

from __future__ import annotations

import re

_LONGEST = 254
# What mail servers take in practice; whether an address exists shows only when it is written to.
_ADDRESS = re.compile(r"[^\s@<>\x00-\x20\"(),:;\\\[\]]{1,64}@[A-Za-z0-9\u0080-\U0010ffff.-]+")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9\u0080-\U0010ffff-]{1,63}(?<!-)")


def normalized_email(text: str) -> str | None:
    """Return an address as it is stored, in lower case; None where the text is none.

    Examples
    --------
    >>> normalized_email(" Ada@Example.ORG "), normalized_email("ada@localhost"), normalized_email("ada @example.org")
    ('ada@example.org', 'ada@localhost', None)
    """
    text = text.strip().lower()
    if len(text) > _LONGEST or _ADDRESS.fullmatch(text) is None:
        return None
    return text if all(_LABEL.fullmatch(label) for label in text.rpartition("@")[2].split(".")) else None
