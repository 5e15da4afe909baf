"""The ledger as it was at one moment, which a question is answered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256

import polars as pl

from tokenbudget.analytics.cubes import of_kind, tells_apart
from tokenbudget.analytics.day_ranges import Kind, Span
from tokenbudget.analytics.tag_cubes import of_tag
from tokenbudget.ledger import schema
from tokenbudget_server.cache.memory import MemoryCache
from tokenbudget_server.ledger.display_names import NUMBERED, Names
from tokenbudget_server.ledger.files import SealedDay
from tokenbudget_server.ledger.queries import ONE_DAY, TYPES, Day, Version, empty, midnight

_ALL_DIMENSIONS = ""
"""In the place of a tag: the cube that all dimensions are in."""


class LedgerSnapshot:
    """A ledger source of days that do not change any more.

    Parameters
    ----------
    names : Names
        Of projects, keys and members.
    versions : mapping of (int, date) to Version
        Every day that has events.
    frames, sealed : mapping of (int, date)
        Where each day's events are: in memory or on disk.
    concatenated : MemoryCache, optional
        Remembers cubes of several days put together: a dashboard asks for the same days again and again.
    """

    def __init__(
        self,
        names: Names,
        versions: Mapping[Day, Version],
        frames: Mapping[Day, pl.DataFrame],
        sealed: Mapping[Day, SealedDay],
        concatenated: MemoryCache[pl.DataFrame] | None = None,
    ) -> None:
        self.names = names
        self._versions = versions
        self._frames = frames
        self._sealed = sealed
        self._concatenated = concatenated or concatenations(0)

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read the events of ``start <= occurred_at < end``; see `tokenbudget.ledger.schema.Source`."""
        touched = [day for day in sorted(self._versions) if _touches(day[1], start, end)]
        # One frame of many chunks, put together without copying: planning a query over hundreds takes longer.
        frames = [self._frames[day] for day in touched if day in self._frames]
        sealed = [day for day in touched if day in self._sealed]
        cut = [day for day in sealed if midnight(day[1]) < start or midnight(day[1] + ONE_DAY) > end]
        in_memory = pl.concat([empty(), *frames], how="diagonal", rechunk=False).lazy()
        parts = [
            *(schema.within(part, start, end) for part in (in_memory, self._scanned(cut, columns)) if part is not None),
            self._scanned([day for day in sealed if day not in cut], columns),  # Whole: no time needs to be read.
        ]
        named = [self._named(part, columns or ("project",)) for part in parts if part is not None]
        return pl.concat([schema.select(part, columns) for part in named], how="diagonal")

    def cubes(
        self, spans: Sequence[Span], columns: Iterable[str], kind: Kind = "totals"
    ) -> tuple[pl.LazyFrame | None, list[Span]]:
        """Return the cubes of whole days; see `tokenbudget.analytics.day_ranges.CubedSource`."""
        needed = {NUMBERED.get(name, name) for name in columns}
        asked = [day for day in sorted(self._versions) if any(_touches(day[1], *span) for span in spans)]
        cubes = {day: cube for day in asked if (cube := self._answering(day, needed, kind)) is not None}
        missing = {day[1] for day in asked if day not in cubes}
        ready: dict[str, list[Day]] = {}
        for day, cube in cubes.items():
            if day[1] not in missing:
                ready.setdefault(cube, []).append(day)
        if not ready:
            return None, list(spans)
        frame = pl.concat([self._put_together(days, cube, kind) for cube, days in ready.items()], how="diagonal")
        lacking = needed.difference(frame.collect_schema().names())
        whole = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in lacking)
        return self._named(whole, columns), [(midnight(day), midnight(day + ONE_DAY)) for day in sorted(missing)]

    def calls(self, start: datetime, end: datetime) -> int:
        """Return how many calls the days have that a span touches: it has no more."""
        return sum(version.requests for day, version in self._versions.items() if _touches(day[1], start, end))

    def token(self) -> str:
        """Return text that is another whenever an answer may be."""
        said = repr((self.names, sorted(self._versions.items())))
        return sha256(said.encode()).hexdigest()[:32]

    def _answering(self, day: Day, columns: Iterable[str], kind: Kind) -> str | None:
        """Return which cube of a day has these columns: the tag that it is of, or `_ALL_DIMENSIONS`."""
        sealed = self._sealed.get(day)
        if sealed is None:
            return None
        there = sealed.columns.intersection(columns)
        if all(tells_apart(sealed.cube, kind, name) for name in there):
            return _ALL_DIMENSIONS
        tag, *others = sorted(there - {"project_id"})
        return tag if kind == "totals" and not others and tag in sealed.tags else None

    def _put_together(self, days: Sequence[Day], cube: str, kind: Kind) -> pl.LazyFrame:
        sealed = [self._sealed[day] for day in days]
        if cube != _ALL_DIMENSIONS:
            paths = [day.tags_path for day in sealed]
            return of_tag(pl.scan_parquet(paths, glob=False, storage_options=sealed[0].storage.patience), cube)
        parts = [(day, self._versions[day], self._sealed[day].path) for day in days]
        key = sha256(repr((kind, parts)).encode()).hexdigest()
        if (cubes := self._concatenated.get(key)) is None:
            cubes = of_kind(pl.concat([day.cube for day in sealed], how="diagonal"), kind)
            self._concatenated.put(key, cubes)
        return cubes.lazy()

    def _scanned(self, days: Sequence[Day], columns: Sequence[str] | None) -> pl.LazyFrame | None:
        if not days:
            return None
        sealed = [self._sealed[day] for day in days]
        stored = frozenset().union(*(day.columns for day in sealed))
        needed = {"project_id", "occurred_at", *(NUMBERED.get(name, name) for name in columns or ())}
        wanted = stored if columns is None else stored.intersection(needed)
        types = {name: TYPES.get(name) or schema.dtype(name) for name in schema.ordered(wanted)}
        return pl.scan_parquet(
            [day.path for day in sealed],
            schema=types,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
            storage_options=sealed[0].storage.patience,
        )

    def _named(self, frame: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
        return frame.with_columns(self.names.column(name) for name in NUMBERED if name in columns)


def _touches(day: date, start: datetime, end: datetime) -> bool:
    return midnight(day) < end and midnight(day + ONE_DAY) > start


def concatenations(most_bytes: int) -> MemoryCache[pl.DataFrame]:
    """Make what `LedgerSnapshot` remembers cubes in; of 0 bytes it remembers nothing."""
    return MemoryCache(most_bytes, weigh=lambda frame: int(frame.estimated_size()))
