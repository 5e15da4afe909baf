"""Cubes: the totals of whole days by every dimension, so that most questions read no event at all.

A cube is a frame like an answer's groups: dimensions, the tags that few enough values are in use of, the totals, and
``occurred_at``, the midnight (UTC) at which its day begins.  What is added up from cubes is to the last digit what is
summed from events, as all totals are integers.  A day that a question cuts (its period begins within it, or a bucket
does) is read from events.

In the same frame, told apart by ``kind``, are the histograms of each group of the dimensions alone
(`tokenbudget.analytics.histogram`): by tag or API key there would be almost as many bins as events.
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
"""Before the name of a total: ``unpriced`` is a dimension, too."""
_KIND = "kind"
_API_KEY = "api_key_id"
_LAYOUT = 3
"""Counts the changes that definitions do not show."""


def format_of(keys: Iterable[str] = ()) -> str:
    """Name the format of cubes with these keys: it changes with what is in them; a cube of another format is none."""
    defined = [[(name, str(how)) for name, how in columns.items()] for columns in (TOTALS, histogram.MEASURES)]
    return sha256(repr((_LAYOUT, defined, histogram.STEPS, *keys)).encode()).hexdigest()[:8]


def build(events: pl.DataFrame, day: datetime, keys: Iterable[str] = ()) -> pl.DataFrame:
    """Sum up the events of one day.

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
    """Return whether what a cube has of one kind is split by a dimension or tag."""
    return column in cube.columns and not (kind == "bins" and column.startswith((TAG_PREFIX, _API_KEY)))


def of_kind(cube: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Take what a cube, or several put together, has of one kind."""
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
    """Count the values of each tag, "not set" being one, in order of their number."""
    tags = [name for name in events.columns if name.startswith(TAG_PREFIX)]
    if not tags or events.is_empty():
        return {}
    values = events.select(pl.col(tags).n_unique()).row(0)
    return {tag: count for count, tag in sorted(zip(values, tags, strict=True))}
