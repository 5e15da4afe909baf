"""Drop duplicate events: an id counts once, whatever its time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokenbudget.journal.compaction.manifest import SealedPart

if TYPE_CHECKING:
    import polars as pl


def sealed_among(home: Path, parts: Sequence[SealedPart], ids: pl.Series) -> pl.Series:
    """Return those of `ids` that sealed parts hold.

    Ids begin with the time they were made, so only parts with overlapping ids are read: usually none.
    """
    import polars as pl

    first, last = ids.min(), ids.max()
    if not (isinstance(first, str) and isinstance(last, str)):
        return ids.clear()
    found = [
        pl.scan_parquet(part.path(home)).select("id").filter(pl.col("id").is_between(pl.lit(first), pl.lit(last)))
        for part in parts
        if part.ids is None or (part.ids[0] <= last and first <= part.ids[1])
    ]
    if not found:
        return ids.clear()
    asked = ids.rename("id").to_frame().lazy()
    return pl.concat(found).join(asked, on="id", how="semi").unique().collect()["id"]


def without_known(home: Path, parts: Sequence[SealedPart], frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `frame` whose id neither a sealed part holds nor a row before."""
    import polars as pl

    if frame["id"].is_duplicated().any():
        frame = frame.unique("id", keep="first", maintain_order=True)
    known = sealed_among(home, parts, frame["id"])
    return frame if known.is_empty() else frame.filter(~pl.col("id").is_in(known.implode()))
