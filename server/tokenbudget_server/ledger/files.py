"""Closed days in files: one Parquet file per project and day, named by the version it holds, and its cubes beside it.

A file is never changed: whichever process writes ``<project>/<project>.<day>.<version>.parquet``, its content is that
version's.  So processes, on one machine or on several, share the storage without locks, and what is missing or thrown
away is written again when it is asked for.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO

import polars as pl

from tokenbudget.analytics import cubes, tag_cubes
from tokenbudget_server.ledger.queries import Day, Version, midnight
from tokenbudget_server.ledger.storage import Storage

_log = logging.getLogger(__name__)

_SUFFIX = ".parquet"
_MARK = ".replaced"
_HORIZON = "tokenbudget.horizon"
_COLUMNS = "tokenbudget.columns"
_TAGS = "tokenbudget.tags"
_KEYS = ("project_id", "api_key_id")
"""What cubes keep apart besides the dimensions; names are put to them when a question is asked."""
_CUBE = f".{cubes.format_of(_KEYS)}.cube"
_TAG_CUBES = f".{cubes.format_of(_KEYS)}.tags"
_GRACE_SECONDS = 3600.0
"""How long a file stays once another has taken its place: questions under way still read it."""
_AT_ONCE = 16
"""Days opened at the same time: an object store answers each in some 20 ms."""
_UNREADABLE = (OSError, pl.exceptions.PolarsError, KeyError, ValueError)


@dataclass(frozen=True, slots=True)
class SealedDay:
    """A day in the storage.

    Attributes
    ----------
    storage : Storage
    name : str
        Of its file.
    columns : frozenset of str
        What the file has.
    horizon : int
        The `tokenbudget_server.ledger.queries.horizon` of the snapshot it was read in.
    cube : polars.DataFrame
        Its totals (`tokenbudget.analytics.cubes`).
    tags : frozenset of str
        Columns that there are totals of in a file of their own (`tokenbudget.analytics.tag_cubes`).
    """

    storage: Storage
    name: str
    columns: frozenset[str]
    horizon: int
    cube: pl.DataFrame
    tags: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Where polars finds its events."""
        return self.storage.locate(self.name)

    @property
    def tags_path(self) -> str:
        """Where polars finds its totals by tag, if it has `tags`."""
        return self.storage.locate(self.name + _TAG_CUBES)

    @property
    def is_there(self) -> bool:
        """Whether all of it can still be read: the storage may have been cleared."""
        return self.storage.has(self.name) and (not self.tags or self.storage.has(self.name + _TAG_CUBES))

    def read(self) -> pl.DataFrame:
        """Read all of its events.

        Raises
        ------
        OSError
            If they cannot be read.
        """
        return pl.read_parquet(BytesIO(self.storage.get(self.name)))


class DayFiles:
    """The closed days of one database, for the length of one question: what the storage holds is listed once.

    Parameters
    ----------
    storage : Storage
        Of this database alone.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._folders: dict[str, dict[str, float]] = {}

    def find(self, wanted: Mapping[Day, Version]) -> dict[Day, SealedDay]:
        """Return those of the days at these versions that are there."""
        names = {day: name for day, version in wanted.items() if self._is_listed(day, name := _name(day, version))}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            opened = pool.map(self._open, names, names.values())
            return {day: sealed for day, sealed in zip(names, opened, strict=True) if sealed is not None}

    def newest(self, day: Day) -> SealedDay | None:
        """Return the day at the latest version that there is."""
        listed = self._listed(day)
        names = [name for name in self._of(day) if name.endswith(_SUFFIX) and name + _MARK not in listed]
        return self._open(day, max(names, key=listed.__getitem__)) if names else None

    def write(self, day: Day, version: Version, events: pl.DataFrame, horizon: int) -> SealedDay:
        """Keep a day.

        Raises
        ------
        OSError
            If the storage does not take it.
        """
        name = _name(day, version)
        ordered = events.sort("occurred_at", "id")
        sealed, beside = self._summed(day, name, ordered, horizon)
        # The cubes first: where there is a day, its cubes are those of the same events.
        for file, content in beside.items():
            self._put(day, file, content)
        self._put(day, name, _parquet(ordered, _facts(sealed)))
        for other in list(self._of(day)):
            if other.startswith(name):
                if other.endswith(_MARK):
                    self._delete(day, other)
            else:
                self._remove_after_a_while(other, self._listed(day))
        return sealed

    def sweep(self, known: Mapping[Day, Version]) -> None:
        """Remove what is of no use any more: days without events, old versions, what a killed process left."""
        wanted = {_name(day, version) for day, version in known.items()}
        try:
            listed = dict(self.storage.list())
        except OSError as error:
            _log.warning("What is of no use any more stays in %s: %s", self.storage, error)
            return
        latest = time.time() - _GRACE_SECONDS
        for name, changed in list(listed.items()):
            is_of_use = _day_file(name) in wanted and not _is_outdated(name, listed)
            if not is_of_use and changed <= latest:  # What is newer may be of a version that another process knows.
                self._remove_after_a_while(name, listed)

    def _is_listed(self, day: Day, name: str) -> bool:
        listed = self._listed(day)
        return name in listed and name + _MARK not in listed

    def _listed(self, day: Day) -> dict[str, float]:
        folder = str(day[0])
        if folder not in self._folders:
            try:
                self._folders[folder] = dict(self.storage.list(folder))
            except OSError as error:
                _log.warning("Closed days are read from the database: %s", error)
                self._folders[folder] = {}
        return self._folders[folder]

    def _of(self, day: Day) -> Iterator[str]:
        return (name for name in self._listed(day) if name.startswith(_stem(day)))

    def _open(self, day: Day, name: str) -> SealedDay | None:
        with suppress(*_UNREADABLE):
            return self._described(day, name, self.storage.get(name + _CUBE))
        try:  # The cubes are of another format, lost or broken.
            content = self.storage.get(name)
            horizon = int(pl.read_parquet_metadata(BytesIO(content))[_HORIZON])
            sealed, beside = self._summed(day, name, pl.read_parquet(BytesIO(content)), horizon)
        except _UNREADABLE as error:
            _log.warning("%s cannot be read and is written again: %s", self.storage.locate(name), error)
            return None
        try:
            for file, content in beside.items():
                self._put(day, file, content)
        except OSError:  # Another time; the cube in memory will do, those by tag are read where they lie.
            return replace(sealed, tags=frozenset())
        return sealed

    def _described(self, day: Day, name: str, cube: bytes) -> SealedDay:
        facts = pl.read_parquet_metadata(BytesIO(cube))
        columns, tags = (frozenset(json.loads(facts[fact])) for fact in (_COLUMNS, _TAGS))
        if tags and name + _TAG_CUBES not in self._listed(day):
            raise FileNotFoundError(name + _TAG_CUBES)
        return SealedDay(self.storage, name, columns, int(facts[_HORIZON]), pl.read_parquet(BytesIO(cube)), tags)

    def _summed(self, day: Day, name: str, events: pl.DataFrame, horizon: int) -> tuple[SealedDay, dict[str, bytes]]:
        """Build a day's cubes; return the day, and the files to put beside its own."""
        at = midnight(day[1])
        cube = cubes.build(events, at, _KEYS)
        by_tag = tag_cubes.build(events, at, ["project_id"], without=cube.columns)
        tags = tag_cubes.tags(by_tag)
        sealed = SealedDay(self.storage, name, frozenset(events.columns), horizon, cube, tags)
        beside = {name + _TAG_CUBES: _parquet(by_tag)} if tags else {}
        return sealed, {**beside, name + _CUBE: _parquet(cube, _facts(sealed))}

    def _put(self, day: Day, name: str, content: bytes) -> None:
        self.storage.put(name, content)
        self._listed(day)[name] = time.time()

    def _delete(self, day: Day, name: str) -> None:
        self.storage.delete(name)
        self._listed(day).pop(name, None)

    def _remove_after_a_while(self, name: str, listed: dict[str, float]) -> None:
        mark = name + _MARK
        with suppress(OSError):  # Another process was first, or has it open: another time.
            if name.endswith(_MARK):
                if name.removesuffix(_MARK) not in listed:
                    self.storage.delete(name)
                return
            if mark not in listed:
                self.storage.put(mark, b"")
                listed[mark] = time.time()
            if listed[mark] <= time.time() - _GRACE_SECONDS:
                self.storage.delete(name)
                self.storage.delete(mark)


def _stem(day: Day) -> str:
    project, date_ = day
    return f"{project}/{project}.{date_}."


def _name(day: Day, version: Version) -> str:
    return f"{_stem(day)}{version.digest}{_SUFFIX}"


def _day_file(name: str) -> str:
    """Return the file of the day that a file belongs to."""
    return name.partition(_SUFFIX)[0] + _SUFFIX


def _is_outdated(name: str, listed: Container[str]) -> bool:
    """Return whether a file beside a day's own is half written, or cubes of another format than those there are now."""
    beside = name.removeprefix(_day_file(name)).removesuffix(_MARK)
    return beside not in {"", _CUBE, _TAG_CUBES} and (beside.endswith(".tmp") or _day_file(name) + _CUBE in listed)


def _facts(sealed: SealedDay) -> dict[str, str]:
    listed = {_COLUMNS: sealed.columns, _TAGS: sealed.tags}
    return {_HORIZON: str(sealed.horizon), **{fact: json.dumps(sorted(names)) for fact, names in listed.items()}}


def _parquet(frame: pl.DataFrame, facts: dict[str, str] | None = None) -> bytes:
    content = BytesIO()
    frame.write_parquet(content, compression="zstd", metadata=facts)
    return content.getvalue()
