"""Read a question out of a URL's parameters."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from litestar.datastructures import MultiDict
from litestar.openapi.spec import OpenAPIType, Parameter, Schema

from tokenbudget.analytics.histogram import ERROR, MEASURES
from tokenbudget.analytics.quantiles import EXACT_UP_TO, LEVELS
from tokenbudget.core import period as periods
from tokenbudget.core.errors import QueryError
from tokenbudget.core.formatting import number, percent
from tokenbudget.core.query import DIMENSIONS, INTERVALS, Query, column
from tokenbudget_server.web.parameters import documented, read_number, whole_number

_OWN = {"period", "tz", "by", "interval", "limit", "key", "project_id", "cursor", "level", "exact", "measure"}
_DEFAULT_PERIOD = "30d"
_FRACTION = re.compile(r"[01]|[01]?\.[0-9]{1,15}|[1-9](\.[0-9]{1,15})?e-[0-9]{1,2}")
LARGEST_LIMIT = 10_000
_TEXT = Schema(type=OpenAPIType.STRING)
_TEXTS = Schema(type=OpenAPIType.ARRAY, items=_TEXT)


PERIOD = documented(
    "period",
    Schema(type=OpenAPIType.STRING, default=_DEFAULT_PERIOD),
    "`24h`, `7d`, `30d`, `90d`, `mtd`, `qtd`, `ytd`, `2026-10`, `2026-10-05`, `2026-10-01..2026-10-15` (both days "
    "included) or `2026-10-01T06:00Z..2026-10-02T06:00Z` (the second time not included)",
)
TZ = documented("tz", Schema(type=OpenAPIType.STRING, default="UTC"), "IANA time zone whose days count")
FILTERS = Parameter(
    name="filters",
    param_in="query",
    schema=Schema(type=OpenAPIType.OBJECT, additional_properties=_TEXTS),
    style="form",
    explode=True,
    description=f"Every other parameter is a filter: a dimension ({', '.join(f'`{name}`' for name in DIMENSIONS)}) or "
    "a tag (`feature=chat`, or `tag.limit=x` where its name is taken) and a value it may have, several times for "
    "several; an empty value finds what has none",
)
QUESTION = (PERIOD, TZ, FILTERS)
BY = documented("by", _TEXTS, "One or two dimensions or tags to split by")
LIMIT = documented("limit", whole_number(LARGEST_LIMIT), "Largest groups to name; the rest is summed up as `other`")
INTERVAL = documented(
    "interval", Schema(type=OpenAPIType.STRING, enum=list(INTERVALS)), "Length of a bucket; fits the period by default"
)
LEVEL = documented(
    "level",
    Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1), default=list(LEVELS)),
    "Which percentiles, as fractions: 0.95 is p95",
)
EXACT = documented(
    "exact",
    Schema(type=OpenAPIType.BOOLEAN, default=False),
    f"Read every call: percentiles of more than {number(EXACT_UP_TO)} are up to {percent(ERROR)} off otherwise",
)
MEASURE = documented(
    "measure",
    Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING, enum=list(MEASURES))),
    "Of what to give percentiles; of all by default",
)
SPLIT = (*QUESTION, LIMIT)
KEY = documented("key", _TEXT, "The tag to split by", required=True)
CURSOR = documented("cursor", _TEXT, "Where the page before ended: its `next`")
PAGE_SIZE = documented("limit", whole_number(LARGEST_LIMIT), "Events a page: at most 1000, as Arrow at most 10000")


def read_query(parameters: MultiDict[str], by: Collection[str] = (), default_limit: int | None = None) -> Query:
    """Read period, filters, grouping, interval and limit.

    Parameters
    ----------
    parameters : MultiDict
        ``period`` (default 30d), ``tz`` (default UTC), ``by``, ``interval``, ``limit``; every other name is a
        dimension or a tag and says which values it may have.
    by : collection of str
        What to split by, where the endpoint decides it.
    default_limit : int, optional
        Largest groups to name.

    Raises
    ------
    PeriodError, QueryError
        If a parameter cannot be used.
    """
    interval = parameters.get("interval")
    if interval is not None and interval not in INTERVALS:
        raise QueryError(f"interval must be one of {', '.join(INTERVALS)}, got {interval[:32]!r}")
    filters = {name: tuple(parameters.getall(name)) for name in parameters if name not in _OWN}
    for name in filters:
        column(name)
    when = parameters.get("period") or _DEFAULT_PERIOD
    return Query(
        # To the minute: otherwise each request would end its period later, and no cached answer could be used again.
        period=periods.parse(when, this_minute(), parameters.get("tz") or "UTC"),
        filters=filters,
        by=tuple(by) or tuple(parameters.getall("by", [])),
        interval=interval,
        limit=read_number(parameters, "limit", LARGEST_LIMIT) or default_limit,
    )


def this_minute() -> datetime:
    """Return the present, to the minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def read_levels(parameters: MultiDict[str]) -> tuple[float, ...]:
    """Read which percentiles are asked for; the usual ones where none are named.

    Raises
    ------
    QueryError
        If one is no number.
    """
    texts = parameters.getall("level", [])
    if wrong := [text for text in texts if not _FRACTION.fullmatch(text)]:
        raise QueryError(f"level must be a fraction from 0 to 1, e.g. level=0.95, got {wrong[0][:32]!r}")
    return tuple(map(float, texts)) or LEVELS


def read_switch(parameters: MultiDict[str], name: str) -> bool:
    """Read ``true`` or ``false``; false where there is neither.

    Raises
    ------
    QueryError
        If it is something else.
    """
    text = parameters.get(name, "false")
    if text not in {"true", "false"}:
        raise QueryError(f"{name} must be true or false, got {text[:32]!r}")
    return text == "true"
