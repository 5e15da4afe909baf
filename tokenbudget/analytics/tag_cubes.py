"""Tag cubes: the totals of whole days by one tag, for tags with too many values for `tokenbudget.analytics.cubes`.

What each user or customer spent over months is asked for often, and by itself.  A day's totals by user are many fewer
rows than its events, though too many to keep apart by everything else, or to keep in memory: they are scanned where
they lie.  All tag cubes of a day are one frame, in which ``tag`` says of which tag a row is, and ``value`` which value
of it (null: not set).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime

import polars as pl

from tokenbudget.analytics.cubes import TOTAL, grouped, n_values
from tokenbudget.ledger.schema import INSTANT

EVENTS_PER_ROW = 8
"""At least, over all tag cubes of a day: beyond, there is little to gain, and much to store."""


def build(
    events: pl.DataFrame, day: datetime, keys: Iterable[str] = (), *, without: Container[str] = ()
) -> pl.DataFrame:
    """Sum up the events of one day by each of its tags, those of fewest values first, while there are few rows.

    Parameters
    ----------
    events : polars.DataFrame
        Of the ledger; of one day.
    day : datetime
        Its midnight, UTC.
    keys : iterable of str
        Columns to keep apart besides the tag, ``project_id`` say.
    without : container of str
        Tags, as columns of the ledger, to leave out: those that the day's cube has.
    """
    keys, room, parts = list(keys), events.height // EVENTS_PER_ROW, []
    for tag, values in n_values(events).items():
        if tag in without:
            continue
        if values > room:  # There are no fewer rows than values.
            break
        rows = grouped(events, [*keys, tag])
        if rows.height > room:
            break
        room -= rows.height
        parts.append(_told_apart(rows, tag))
    empty = pl.DataFrame(schema={"tag": pl.String, "value": pl.String})
    return pl.concat([empty, *parts], how="diagonal").with_columns(pl.lit(day, INSTANT).alias("occurred_at"))


def _told_apart(rows: pl.DataFrame, tag: str) -> pl.DataFrame:
    # By calls: numbers that are alike follow each other, and take less room in a file.
    ordered = rows.rename({tag: "value"}).sort(TOTAL + "requests", "value")
    return ordered.with_columns(pl.lit(tag).alias("tag"))


def tags(cubes: pl.DataFrame) -> frozenset[str]:
    """Name the tags, as columns of the ledger, that a day has cubes of."""
    return frozenset(cubes["tag"].unique())


def of_tag(cubes: pl.LazyFrame, tag: str) -> pl.LazyFrame:
    """Take the cubes of one tag; the tag is a column of its name, as in `tokenbudget.analytics.cubes`."""
    return cubes.filter(pl.col("tag") == tag).drop("tag").rename({"value": tag})
