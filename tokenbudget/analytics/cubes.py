"""Cubes: the totals of whole days by every dimension, so that most queries read no events.

A cube is a frame of groups: dimensions, the tags with few values, the totals, and ``occurred_at``, the midnight (UTC)
at which its day begins.  All totals are integers, so adding up cubes gives exactly the same as summing events.  A day
that is only partly in a period or a bucket is read from events.

The same frame has the histograms of each group of dimensions (`tokenbudget.analytics.histogram`), with another
``kind``.  There are none by tag or API key, which would have almost as many bins as events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

import polars as pl
import polars.selectors as cs

from tokenbudget.analytics import histogram
from tokenbudget.analytics.day_ranges import Kind
from tokenbudget.analytics.metrics import TOTALS, totals
from tokenbudget.core.query import DIMENSIONS
from tokenbudget.ledger.schema import INSTANT, TAG_PREFIX

MOST_TAG_VALUES = 200
_ROWS_ALWAYS = 500
_EVENTS_PER_ROW = 8
TOTAL = "total_"
"""Prefix of the names of totals, because ``unpriced`` is also a dimension."""
_KIND = "kind"
_API_KEY = "api_key_id"
_LAYOUT = 3
"""Increased by changes that do not show in the definitions."""


def format_of(keys: Iterable[str] = ()) -> str:
    """Return a name for the format of cubes with these keys; cubes of another format are ignored."""
    defined = [[(name, str(how)) for name, how in columns.items()] for columns in (TOTALS, histogram.MEASURES)]
    return sha256(repr((_LAYOUT, defined, histogram.STEPS, *keys)).encode()).hexdigest()[:8]


def build(events: pl.DataFrame, day: datetime, keys: Iterable[str] = ()) -> pl.DataFrame:
    """Make the cube of one day's events.

    Parameters
    ----------
    events : polars.DataFrame
        Of the ledger; of one day.
    day : datetime
        Its midnight, UTC.
    keys : iterable of str
        Columns to keep apart besides the dimensions, ``project_id`` say.

    Returns
    -------
    polars.DataFrame
        A tag is in the totals while that leaves at least eight events to a row, the tags of fewest values first.
    """
    fixed = [name for name in dict.fromkeys((*keys, *DIMENSIONS)) if name in events.columns]
    parts: dict[Kind, pl.DataFrame] = {
        "totals": _with_small_tags(events, fixed),
        "bins": histogram.counted(events.lazy(), [name for name in fixed if name != _API_KEY]).collect(),
    }
    marked = [part.with_columns(pl.lit(kind).alias(_KIND)) for kind, part in parts.items()]
    return pl.concat(marked, how="diagonal").with_columns(pl.lit(day, INSTANT).alias("occurred_at"))


def tells_apart(cube: pl.DataFrame, kind: Kind, column: str) -> bool:
    """Return whether the rows of one kind are split by a dimension or tag."""
    return column in cube.columns and not (kind == "bins" and column.startswith((TAG_PREFIX, _API_KEY)))


def of_kind(cube: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Return the rows of one kind of a cube, or of several concatenated cubes."""
    of_others = {"totals": histogram.PREFIXES, "bins": (TOTAL, TAG_PREFIX, _API_KEY)}[kind]
    return cube.filter(pl.col(_KIND) == kind).select(cs.exclude(_KIND, cs.starts_with(*of_others)))


def _with_small_tags(events: pl.DataFrame, fixed: list[str]) -> pl.DataFrame:
    cube = grouped(events, fixed)
    most = max(_ROWS_ALWAYS, events.height // _EVENTS_PER_ROW)
    for tag, values in n_values(events).items():
        if values > MOST_TAG_VALUES:
            break
        finer = grouped(events, [*fixed, tag])
        if finer.height > most:
            break
        fixed, cube = [*fixed, tag], finer
    return cube


def grouped(events: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Sum up events by these columns."""
    sums = [how.name.prefix(TOTAL) for how in totals()]
    return events.lazy().group_by(names).agg(sums).collect()


def added() -> list[pl.Expr]:
    """Sum the totals of cubes."""
    return [added_up(name) for name in TOTALS]


def added_up(name: str) -> pl.Expr:
    """Sum one total of cubes."""
    return pl.col(TOTAL + name).sum().alias(name)


def n_values(events: pl.DataFrame) -> dict[str, int]:
    """Count the values of each tag, including "not set", the fewest first."""
    tags = [name for name in events.columns if name.startswith(TAG_PREFIX)]
    if not tags or events.is_empty():
        return {}
    values = events.select(pl.col(tags).n_unique()).row(0)
    return {tag: count for count, tag in sorted(zip(values, tags, strict=True))}
