"""Queries for analytics: a period, filters, dimensions and an interval."""

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
"""Columns to group and filter by; any other name is a tag.

``member`` owns the API key that an event was sent with, and ``api_key`` is the name of that key.  Only a server knows
them; in local mode they are null.
"""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One query.

    Attributes
    ----------
    period : Period
    filters : dict of str to tuple of str
        Dimensions and tags, each with the allowed values; all filters must match.
    by : tuple of str
        Dimensions or tags to group by, at most two.
    interval : str or None
        Length of a time bucket, in the period's zone.
    limit : int or None
        Number of groups to show, the largest first; the rest are combined into ``other``.
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
    """Return a bucket length that suits a period.

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
