"""Parameters of a URL that several features read, and how they are documented."""

from __future__ import annotations

from litestar.datastructures import MultiDict
from litestar.openapi.spec import OpenAPIType, Parameter, Schema

from tokenbudget.core.errors import QueryError

LARGEST_ID = 2**63 - 1


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
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        raise QueryError(f"{name} must be a whole number from 1 to {largest}, got {text[:32]!r}")
    return int(text)
