"""Convert tag values to text: one rule for tags that are set and tags that are queried."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_AS_THEY_ARE = (str, int, float, Decimal, UUID)


def tag_text(value: Any) -> str | None:
    """Convert a value to text; None if it is not a single value.

    Examples
    --------
    >>> from datetime import date
    >>> tag_text(True), tag_text(7), tag_text(date(2026, 10, 5)), tag_text([1])
    ('true', '7', '2026-10-05', None)
    """
    if type(value) is str:
        return value
    if isinstance(value, Enum):
        value = value.value
    elif hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a number out of a frame
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, _AS_THEY_ARE) else None


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, or what data frames use for it.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing("nan")
    (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 (as only NaN does)
