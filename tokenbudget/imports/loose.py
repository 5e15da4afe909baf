"""Read values of a record whose shape is not fixed: what is of another type is as if it was not there."""

from __future__ import annotations

from typing import Any


def table(value: Any) -> dict[str, Any]:
    """Return an object's fields."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """Return a text; empty where there is none."""
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    """Return a whole number; 0 where there is none."""
    return value if type(value) is int else 0
