"""Drop duplicate events: an id counts once, whatever its time.

A record amends an earlier one of the same id that knows less (`rank`), as of an imported call that was still streamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokenbudget.journal.compaction.manifest import SealedPart

if TYPE_CHECKING:
    import polars as pl

RANK = "rank_"
_ROW = "row_"


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


def rank(columns: Iterable[str]) -> pl.Expr:
    """Return how much a record knows of its call: its tokens, and of equal ones whether it says how they are billed."""
    import polars as pl

    tokens = pl.sum_horizontal("input_tokens", "output_tokens")
    is_told = pl.col("billing").ne_missing("unknown") if "billing" in columns else pl.lit(value=True)
    return (2 * tokens + is_told).alias(RANK)


def once(frame: pl.DataFrame) -> pl.DataFrame:
    """Return each event once: of records with one id the first of those that know most."""
    if not frame["id"].is_duplicated().any():
        return frame
    ranked = frame.with_row_index(_ROW).with_columns(rank(frame.columns))
    kept = ranked.sort([RANK, _ROW], descending=[True, False]).unique("id", keep="first")
    return kept.sort(_ROW).drop(_ROW, RANK)


def amended(home: Path, parts: Sequence[SealedPart], frame: pl.DataFrame, known: pl.Series) -> pl.Series:
    """Return those of the sealed ids `known` of which `frame` has a record that knows more."""
    import polars as pl

    new = frame.select("id", rank(frame.columns)).filter(pl.col("id").is_in(known.implode()))
    old = [
        pl.scan_parquet(part.path(home)).filter(pl.col("id").is_in(known.implode()))
        for part in parts
        if part.ids is None or (part.ids[0] <= str(known.max()) and str(known.min()) <= part.ids[1])
    ]
    ranks = [scan.select("id", rank(scan.collect_schema().names()).alias("old")).collect() for scan in old]
    if not ranks:
        return known.clear()
    return new.join(pl.concat(ranks), on="id").filter(pl.col(RANK) > pl.col("old"))["id"]


def without_known(home: Path, parts: Sequence[SealedPart], frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows of `frame` that no sealed part has, nor a row before, and the sealed ids that they amend."""
    import polars as pl

    frame = once(frame)
    known = sealed_among(home, parts, frame["id"])
    if known.is_empty():
        return frame, known
    more = amended(home, parts, frame, known)
    stale = known.filter(~known.is_in(more.implode()))
    return frame.filter(~pl.col("id").is_in(stale.implode())), more
