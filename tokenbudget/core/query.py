"""The questions analytics answers: a period, filters, dimensions, an interval."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenbudget.core.errors import QueryError
from tokenbudget.core.limits import TAG_KEY
from tokenbudget.core.period import Period

Interval = Literal["15min", "hour", "day", "week", "month"]
INTERVALS: tuple[Interval, ...] = ("15min", "hour", "day", "week", "month")

DIMENSIONS: tuple[str, ...] = (
    "project",
    "provider",
    "model",
    "requested_model",
    "operation",
    "status",
    "measured",
    "service_tier",
    "source",
    "billing",
    "unpriced",
    "error_type",
    "member",
    "api_key",
)
"""Columns one can group and filter by; any other name means the tag of that name.

``member`` is who owns the API key that an event was sent with, ``api_key`` that key's name: a server knows them, in
the journal of a machine they are null.
"""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question.

    Attributes
    ----------
    period : Period
    filters : dict of str to tuple of str
        Dimension or tag to the values it may have; all filters must hold.
    by : tuple of str
        Dimensions or tags to group by, at most two.
    interval : str or None
        Length of a time bucket, in the period's zone.
    limit : int or None
        Largest groups to name; the rest is summed up as ``other``.
    """

    period: Period
    filters: dict[str, tuple[str, ...]] = {}
    by: tuple[str, ...] = ()
    interval: Interval | None = None
    limit: int | None = None


def column(name: str) -> str:
    """Return the ledger's column for a dimension or a tag.

    Examples
    --------
    >>> column("model"), column("feature"), column("tag.status")
    ('model', 'tag_feature', 'tag_status')

    Raises
    ------
    QueryError
        If `name` cannot be a dimension or a tag.
    """
    if name in DIMENSIONS:
        return name
    tag = name.removeprefix("tag.")
    if not TAG_KEY.fullmatch(tag):
        msg = f"{name!r} is neither a dimension ({', '.join(DIMENSIONS)}) nor a possible tag key"
        raise QueryError(msg)
    return f"tag_{tag}"


def default_interval(period: Period) -> Interval:
    """Choose the bucket length that draws a period well.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.core.period import parse
    >>> default_interval(parse("30d", datetime(2026, 10, 5, tzinfo=UTC)))
    'day'
    """
    days = (period.end - period.start).total_seconds() / 86_400
    if days <= 0.25:  # noqa: PLR2004 (six hours)
        return "15min"
    if days <= 3:  # noqa: PLR2004
        return "hour"
    return "day" if days <= 120 else "month" if days > 730 else "week"  # noqa: PLR2004
