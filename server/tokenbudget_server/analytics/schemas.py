"""The answers of the analytics endpoints, as the OpenAPI schema describes them.

What is in them is made by `tokenbudget.analytics.answers`; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from tokenbudget.core.period import Period
from tokenbudget.core.query import Interval


class Metrics(msgspec.Struct, kw_only=True):
    """The numbers of an answer; null is unknown and never zero.

    Attributes
    ----------
    requests, errors, aborted, estimated, unpriced : int
        Calls: all, failed, broken off, with estimated usage, without a known cost.
    cost_usd, list_cost_usd, avg_cost_usd : Decimal or None
        US dollars, exact: what is billed by the token; what all calls cost at list price; the former by call.
    input_tokens, output_tokens, total_tokens : int or None
    cache_read_tokens, cache_write_tokens, reasoning_tokens : int
    avg_latency_ms : float or None
    error_rate, cache_hit_rate : float or None
        From 0 to 1.
    """

    requests: int
    cost_usd: Decimal | None
    list_cost_usd: Decimal | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    errors: int
    aborted: int
    estimated: int
    unpriced: int
    avg_cost_usd: Decimal | None
    avg_latency_ms: float | None
    error_rate: float | None
    cache_hit_rate: float | None


class SummaryAnswer(msgspec.Struct):
    """A period's totals beside those of the one before."""

    period: Period
    summary: Metrics
    previous: Metrics


class ModelRow(Metrics, kw_only=True):
    """One model, or ``other``; null where no model was named."""

    model: str | None
    share: float | None


class FeatureRow(Metrics, kw_only=True):
    """One value of the tag ``feature``, or ``other``; null is untagged."""

    feature: str | None
    share: float | None


class UserRow(Metrics, kw_only=True):
    """One value of the tag ``user_id``, or ``other``; null is untagged."""

    user_id: str | None
    share: float | None


class ProjectRow(Metrics, kw_only=True):
    """One project, or ``other``."""

    project: str | None
    share: float | None


class MemberRow(Metrics, kw_only=True):
    """One member, or ``other``: who owns the API keys that events were sent with; null where nobody is known to.

    ``member`` is a name; where several have the same, each is followed by its number: ``Ada (#7)``.
    """

    member: str | None
    member_id: int | None
    share: float | None


class ByModelAnswer(msgspec.Struct):
    """A period split by model, largest cost first."""

    period: Period
    by: list[str]
    rows: list[ModelRow]


class ByFeatureAnswer(msgspec.Struct):
    """A period split by feature, largest cost first."""

    period: Period
    by: list[str]
    rows: list[FeatureRow]


class ByUserAnswer(msgspec.Struct):
    """A period split by end user, largest cost first."""

    period: Period
    by: list[str]
    rows: list[UserRow]


class ByProjectAnswer(msgspec.Struct):
    """A period split by project, largest cost first."""

    period: Period
    by: list[str]
    rows: list[ProjectRow]


class ByMemberAnswer(msgspec.Struct):
    """A period split by the members who own the API keys, largest cost first."""

    period: Period
    by: list[str]
    rows: list[MemberRow]


class ByTagAnswer(msgspec.Struct):
    """A period split by a tag, or by any one or two dimensions: a row has a field named like each of `by`."""

    period: Period
    by: list[str]
    rows: list[dict[str, str | float | None]]


class PercentilesAnswer(msgspec.Struct):
    """Percentiles per measure: ``measure``, ``count``, ``p50``, …, ``max``, ``exact``, and a field for each of `by`."""

    period: Period
    by: list[str]
    rows: list[dict[str, str | bool | int | float | None]]


class TimeseriesRow(Metrics, kw_only=True):
    """One bucket, or one group's part of it; a field named like the ``by`` of the question says which."""

    bucket: datetime
    model: str | msgspec.UnsetType | None = msgspec.UNSET


class TimeseriesAnswer(msgspec.Struct):
    """A period in buckets of time, gaps filled with zero rows."""

    period: Period
    interval: Interval
    by: list[str]
    rows: list[TimeseriesRow]


class CoverageRow(msgspec.Struct, kw_only=True):
    """Calls of a model without a price, for one reason.

    Attributes
    ----------
    reason : str or None
        ``unknown_model``, ``no_price``, ``no_usage``, ``no_unit_price: <what has no rate>``, ``other_currency``,
        ``error``.
    share : float
        Of the period's calls, 0 to 1.
    advice : str
        What to do about it.
    """

    provider: str
    model: str
    reason: str | None
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    share: float
    last_at: datetime
    advice: str


class CoverageAnswer(msgspec.Struct):
    """A period's calls without a price, most first."""

    period: Period
    rows: list[CoverageRow]
