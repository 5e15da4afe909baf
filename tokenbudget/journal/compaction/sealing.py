"""Seal finished segments into Parquet, crash-safely.

1. Take the locks: the ledger's, and that of every segment to seal.
2. Write the part under a new name and sync it.  Killed before 3, it is a stray file that no reader uses.
3. Replace the manifest, which commits the compaction: from now on the part counts, and its segments do not.
4. Delete the segments.  If killed before, the next compaction deletes them.

Small parts are merged into the next one when they are at most twice its size, so that n events end up in about log(n)
files and every event is rewritten about log(n) times.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tokenbudget.core.event import Event, decode
from tokenbudget.journal.compaction.duplicates import without_known
from tokenbudget.journal.compaction.manifest import Manifest, Retired, SealedPart, commit, ledger_dir, load
from tokenbudget.journal.files import make_private, remove, sync_directory, sync_file
from tokenbudget.journal.locks import locked
from tokenbudget.journal.quarantine import QuarantinedRecord, damaged, set_aside
from tokenbudget.journal.segments.reader import read_chunk
from tokenbudget.journal.segments.segment import SegmentFile, adopted, journal_dir, list_segments

if TYPE_CHECKING:
    import polars as pl

ToFrame = Callable[[list[Event]], "pl.DataFrame"]

MIN_BYTES = 1 << 20
MIN_SEGMENTS = 32
_BATCH_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_LARGEST_PART = 250_000
"""Rows: merging a part holds it in memory, some 400 bytes a row and twice that while it is sorted."""
_GRACE = timedelta(hours=1)
_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class Compacted:
    """The result of a compaction: number of sealed segments, and of events in them."""

    segments: int = 0
    rows: int = 0


def compact(
    home: Path,
    to_frame: ToFrame,
    *,
    min_bytes: int = MIN_BYTES,
    min_segments: int = MIN_SEGMENTS,
    most_bytes: int | None = None,
    wait: float = 0.0,
) -> Compacted:
    """Seal the finished segments of local mode, if there are enough of them.

    It is cheap if there is nothing to do, and may be called from any process at any time: only one compacts.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    to_frame : callable
        Turns events into a ledger frame; `tokenbudget.ledger.schema.to_frame`.
    min_bytes, min_segments : int
        Do nothing below both: a part for each small script would gain nothing.
    most_bytes : int, optional
        Seal about this much at most, and leave the rest to the next call.
    wait : float
        Seconds to wait for another process that is compacting.

    Raises
    ------
    JournalError
        If the manifest cannot be read.
    OSError
        If the ledger cannot be written; no event is lost then.
    """
    segments = list_segments(home, "keep")
    if sum(s.size for s in segments) < min_bytes and len(segments) < min_segments:
        return Compacted()
    make_private(ledger_dir(home))
    with locked(ledger_dir(home) / "lock", wait) as taken, ExitStack() as locks:
        if not taken:
            return Compacted()
        manifest = _tidied(home)
        finished = [
            s
            for s in list_segments(home, "keep")
            if s.name not in manifest.covered and locks.enter_context(adopted(s.path))
        ]
        if sum(s.size for s in finished) < min_bytes and len(finished) < min_segments:
            return Compacted()
        batches = _batches(finished, _BATCH_BYTES if most_bytes is None else most_bytes)
        if most_bytes is not None:
            batches = batches[:1]
        rows = 0
        for batch in batches:
            manifest, sealed = _seal(home, manifest, batch, to_frame)
            rows += sealed
        return Compacted(sum(map(len, batches)), rows)


def _batches(segments: list[SegmentFile], most_bytes: int) -> list[list[SegmentFile]]:
    batches: list[list[SegmentFile]] = []
    room = 0
    for segment in segments:
        if segment.size > room:
            batches.append([])
            room = most_bytes
        batches[-1].append(segment)
        room -= segment.size
    return batches


def _seal(home: Path, manifest: Manifest, segments: list[SegmentFile], to_frame: ToFrame) -> tuple[Manifest, int]:
    import polars as pl

    frames, unreadable = _read(segments, to_frame)
    set_aside(home, unreadable)
    parts, retired = manifest.parts, manifest.retired
    fresh = pl.DataFrame()
    if frames:
        fresh, amended = without_known(home, parts, pl.concat(frames, how="diagonal_relaxed"))
        parts, replaced = _without(home, parts, amended)
        retired = (*retired, *replaced)
    if fresh.height:
        part, merged = _write_part(home, fresh, parts)
        parts = (*parts[: len(parts) - len(merged)], part)
        now = datetime.now(UTC)
        retired = (*retired, *(Retired(old.file, now) for old in merged))
    covered = (*manifest.covered, *(segment.name for segment in segments))
    manifest = commit(home, Manifest(manifest.generation, parts, covered, retired))
    for segment in segments:
        remove(segment.path)
    return manifest, fresh.height


def _without(
    home: Path, parts: tuple[SealedPart, ...], ids: pl.Series
) -> tuple[tuple[SealedPart, ...], tuple[Retired, ...]]:
    """Take amended events out of the parts that hold them: hardly ever any."""
    import polars as pl

    if ids.is_empty():
        return parts, ()
    kept: list[SealedPart] = []
    retired: list[Retired] = []
    for part in parts:
        whole = pl.read_parquet(part.path(home))
        rest = whole.filter(~pl.col("id").is_in(ids.implode()))
        if rest.height == whole.height:
            kept.append(part)
            continue
        retired.append(Retired(part.file, datetime.now(UTC)))
        if rest.height:
            kept.append(_written(home, rest))
    return tuple(kept), tuple(retired)


def _read(segments: list[SegmentFile], to_frame: ToFrame) -> tuple[list[pl.DataFrame], list[QuarantinedRecord]]:
    """Read segments in chunks: event objects take ten times the memory of their frame."""
    frames: list[pl.DataFrame] = []
    unreadable: list[QuarantinedRecord] = []
    for segment in segments:
        end = 0
        while (chunk := read_chunk(segment.path, end, limit=_CHUNK_BYTES, finished=True)).end > end:
            end = chunk.end
            unreadable += damaged(chunk.damaged)
            if events := _decoded(chunk.records, unreadable):
                frames.append(to_frame(events))
    return frames, unreadable


def _decoded(records: list[bytes], unreadable: list[QuarantinedRecord]) -> list[Event]:
    events: list[Event] = []
    for record in records:
        try:
            events.append(decode(record))
        except msgspec.DecodeError as error:
            unreadable.append(QuarantinedRecord("damaged", f"is no event: {error}", record.decode("latin-1")))
    return events


def _write_part(
    home: Path, fresh: pl.DataFrame, parts: tuple[SealedPart, ...]
) -> tuple[SealedPart, tuple[SealedPart, ...]]:
    """Write `fresh` together with the small parts at the end of `parts`; return the new part and those merged."""
    import polars as pl

    rows, kept = fresh.height, len(parts)
    while kept and parts[kept - 1].rows <= 2 * rows and rows + parts[kept - 1].rows <= _LARGEST_PART:
        kept -= 1
        rows += parts[kept].rows
    merged = parts[kept:]
    frames = [*(pl.read_parquet(part.path(home)) for part in merged), fresh]
    whole = pl.concat(frames, how="diagonal_relaxed").sort("occurred_at", maintain_order=True)
    return _written(home, whole), merged


def _written(home: Path, whole: pl.DataFrame) -> SealedPart:
    """Write a part, events by their time, and have it survive a power cut."""
    first, last = whole["occurred_at"][0], whole["occurred_at"][-1]
    name, ids = f"{first:%Y%m%dT%H%M%S}-{os.urandom(6).hex()}{_SUFFIX}", whole["id"]
    part = SealedPart(name, whole.height, first, last, (str(ids.min()), str(ids.max())))
    whole.write_parquet(part.path(home), compression="zstd")
    sync_file(part.path(home))
    sync_directory(ledger_dir(home))
    return part


def _tidied(home: Path) -> Manifest:
    """Finish what a killed compaction left: covered segments, stray parts, parts retired long enough ago."""
    manifest = load(home)
    for name in manifest.covered:
        remove(journal_dir(home) / name)
    covered = tuple(name for name in manifest.covered if (journal_dir(home) / name).exists())
    cutoff = datetime.now(UTC) - _GRACE
    retired = tuple(old for old in manifest.retired if old.at > cutoff)
    wanted = {part.file for part in manifest.parts} | {old.file for old in retired}
    for path in ledger_dir(home).glob(f"*{_SUFFIX}"):
        if path.name not in wanted:
            remove(path)
    if len(covered) < len(manifest.covered) or len(retired) < len(manifest.retired):
        return commit(home, Manifest(manifest.generation, manifest.parts, covered, retired))
    return manifest
