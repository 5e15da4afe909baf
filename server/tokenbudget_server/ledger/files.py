"""Closed days on disk: one Parquet file per project and day, named by the version it holds.

A file is written under another name and put in its place at once, and never changed: whichever process writes
``…/<project>/<day>.<version>.parquet``, its content is that version's.  So processes share the directory without locks,
and what is missing or thrown away is written again when it is asked for.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tokenbudget.analytics import cubes
from tokenbudget.journal.files import sync_file
from tokenbudget_server.ledger.reading import Day, Version, midnight

_log = logging.getLogger(__name__)

_SUFFIX = ".parquet"
_MARK = ".replaced"
_HORIZON = "tokenbudget.horizon"
_KEYS = ("project_id", "api_key_id")
"""What cubes keep apart besides the dimensions; names are put to them when a question is asked."""
_CUBE = f".{cubes.format_of(_KEYS)}.cube"
_GRACE_SECONDS = 3600.0
"""How long a file stays once another has taken its place: questions under way still read it."""


@dataclass(frozen=True, slots=True)
class SealedDay:
    """A day on disk.

    Attributes
    ----------
    path : Path
    columns : frozenset of str
        What the file has.
    cube : polars.DataFrame
        Its totals (`tokenbudget.analytics.cubes`).
    """

    path: Path
    columns: frozenset[str]
    cube: pl.DataFrame

    def read(self) -> pl.DataFrame:
        """Read all of its events."""
        return pl.read_parquet(self.path)

    def horizon(self) -> int:
        """Give the `tokenbudget_server.ledger.reading.horizon` of the snapshot it was read in."""
        return int(pl.read_parquet_metadata(self.path)[_HORIZON])


class DayFiles:
    """The closed days of one database.

    Parameters
    ----------
    directory : Path
        Of this database alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, day: Day, version: Version) -> SealedDay | None:
        """Give the day at this version, if it is there."""
        path = self._path(day, version)
        if not path.exists() or _mark(path).exists():
            return None
        try:
            return SealedDay(path, frozenset(pl.read_parquet_schema(path)), self._cube(day, path))
        except (OSError, pl.exceptions.PolarsError) as error:
            _log.warning("%s cannot be read and is written again: %s", path, error)
            return None

    def newest(self, day: Day) -> SealedDay | None:
        """Give the day at the latest version that there is."""
        paths = [path for path in self._of(day) if path.name.endswith(_SUFFIX) and not _mark(path).exists()]
        try:
            path = max(paths, key=lambda path: path.stat().st_mtime)
            return SealedDay(path, frozenset(pl.read_parquet_schema(path)), pl.DataFrame())
        except (OSError, ValueError, pl.exceptions.PolarsError):
            return None

    def write(self, day: Day, version: Version, events: pl.DataFrame, horizon: int) -> SealedDay:
        """Keep a day.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        path = self._path(day, version)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ordered = events.sort("occurred_at", "id")
        _put(ordered, path, {_HORIZON: str(horizon)})
        _mark(path).unlink(missing_ok=True)
        for other in list(self._of(day)):
            if other.name.partition(_SUFFIX)[0] != path.name.removesuffix(_SUFFIX):
                _remove_after_a_while(other)
        _cube_of(path).unlink(missing_ok=True)
        return SealedDay(path, frozenset(ordered.columns), self._cube(day, path, ordered))

    def sweep(self, known: Mapping[Day, Version]) -> None:
        """Remove what is of no use any more: days without events, old versions, what a killed process left."""
        wanted = {self._path(day, version).name for day, version in known.items()}
        for path in self.directory.glob("*/*"):
            if path.name.partition(_SUFFIX)[0] + _SUFFIX not in wanted or path.suffix == ".tmp":
                _remove_after_a_while(path)

    def _path(self, day: Day, version: Version) -> Path:
        project, date_ = day
        return self.directory / str(project) / f"{project}.{date_}.{version.digest}{_SUFFIX}"

    def _of(self, day: Day) -> Iterator[Path]:
        project, date_ = day
        return (self.directory / str(project)).glob(f"{project}.{date_}.*")

    def _cube(self, day: Day, path: Path, events: pl.DataFrame | None = None) -> pl.DataFrame:
        kept = _cube_of(path)
        try:
            return pl.read_parquet(kept)
        except (FileNotFoundError, pl.exceptions.PolarsError):
            cube = _built(day[1], pl.read_parquet(path) if events is None else events)
            _put(cube, kept)
            return cube


def _built(day: date, events: pl.DataFrame) -> pl.DataFrame:
    return cubes.build(events, midnight(day), keys=_KEYS)


def _put(frame: pl.DataFrame, path: Path, metadata: dict[str, str] | None = None) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        frame.write_parquet(temporary, compression="zstd", metadata=metadata)
        sync_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _cube_of(path: Path) -> Path:
    return path.with_name(path.name + _CUBE)


def _mark(path: Path) -> Path:
    """Name the empty file that says since when another has been in the place of `path`."""
    return path.with_name(path.name + _MARK)


def _remove_after_a_while(path: Path) -> None:
    if path.name.endswith(_MARK):
        return
    mark = _mark(path)
    with suppress(OSError):  # Another process was first, or has it open: another time.
        if not mark.exists():
            mark.touch()
        if mark.stat().st_mtime <= time.time() - _GRACE_SECONDS:
            path.unlink(missing_ok=True)
            mark.unlink()
