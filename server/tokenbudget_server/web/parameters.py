"""Parameters of a URL that several features read, and how they are documented."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from litestar.datastructures import MultiDict
from litestar.openapi.spec import OpenAPIType, Parameter, Schema

from tokenbudget.core.errors import QueryError
from tokenbudget.core.period import utc

LARGEST_ID = 2**63 - 1
_SHOWN = 32
_MOST_DIGITS = len(str(LARGEST_ID))


def read_id(text: str) -> int:
    """Read an id out of a path.

    Raises
    ------
    ValueError
        If it is none; the router answers that there is nothing at this path.
    """
    if not _is_digits(text) or text.startswith("0") or int(text) > LARGEST_ID:
        raise ValueError(text[:_SHOWN])
    return int(text)


def documented(name: str, schema: Schema, description: str, *, required: bool = False) -> Parameter:
    """Describe a parameter of the query of a URL."""
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=required)


def whole_number(largest: int, default: int | None = None) -> Schema:
    """Describe what `read_number` takes."""
    return Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=largest, default=default)


PROJECT = documented(
    "project_id", whole_number(LARGEST_ID), "The one project that is asked about; all that you may see when left out"
)


def read_number(parameters: MultiDict[str], name: str, largest: int) -> int | None:
    """Read a whole number from 1 to `largest`; None where there is none.

    Raises
    ------
    QueryError
        If it is something else.
    """
    text = parameters.get(name)
    if text is None:
        return None
    if not (_is_digits(text) and 1 <= int(text) <= largest):
        raise QueryError(f"{name} must be a whole number from 1 to {largest}, got {text[:_SHOWN]!r}")
    return int(text)


def read_instant(name: str, text: str) -> datetime:
    """Read an ISO date, which is its first instant in UTC, or an instant; one without a zone is in UTC.

    Raises
    ------
    QueryError
        If it is neither.
    """
    try:
        when = datetime.fromisoformat(text) if "T" in text else datetime.combine(date.fromisoformat(text), time())
        return utc(when if when.tzinfo else when.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise QueryError(
            f"{name}={text[:64]!r} is no date: write 2026-11-01, or an instant such as 2026-11-01T09:00:00Z"
        ) from None


def _is_digits(text: str) -> bool:
    """Return whether a text is the digits of a number that may be an id; Python refuses to read thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
