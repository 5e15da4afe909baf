"""Which Parquet parts count, and which segments they stand for: ``home/ledger/manifest.json``.

Replacing this file commits a compaction.  A part that is not listed in it does not count; the events of a segment that
is listed are read from its part.  So a reader never sees an event twice or misses one, even if a compaction is killed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from tokenbudget.core.errors import JournalError
from tokenbudget.journal.files import replace


class SealedPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Parquet file of sealed events.

    Attributes
    ----------
    file : str
        Its name in ``home/ledger``.
    rows : int
        Events in it.
    first, last : datetime
        The earliest and the latest ``occurred_at`` in it; UTC, both inclusive.
    ids : (str, str) or None
        The smallest and the largest id in it; None: not known, as of what earlier versions sealed.
    """

    file: str
    rows: int
    first: datetime
    last: datetime
    ids: tuple[str, str] | None = None

    def path(self, home: Path) -> Path:
        """Return where the file is."""
        return ledger_dir(home) / self.file


class Retired(msgspec.Struct, frozen=True):
    """A Parquet file whose events are in a larger part since `at`; readers may still be at it."""

    file: str
    at: datetime


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the ledger directory holds.

    Attributes
    ----------
    generation : int
        Grows with every change.
    parts : tuple of SealedPart
        The sealed events, each in exactly one.
    covered : tuple of str
        Names of segments whose events are in `parts`, until they are seen to be deleted.
    retired : tuple of Retired
        Files to delete once no reader can be using them.
    """

    generation: int = 0
    parts: tuple[SealedPart, ...] = ()
    covered: tuple[str, ...] = ()
    retired: tuple[Retired, ...] = ()


_decoder = msgspec.json.Decoder(Manifest)


def ledger_dir(home: Path) -> Path:
    """Return the directory of the Parquet parts."""
    return home / "ledger"


def _path(home: Path) -> Path:
    return ledger_dir(home) / "manifest.json"


def load(home: Path) -> Manifest:
    """Read the manifest; an empty one where nothing was ever compacted.

    Raises
    ------
    JournalError
        If it is there and cannot be read: which events are sealed is not known then, and must not be guessed.
    """
    try:
        return _decoder.decode(_path(home).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except (OSError, msgspec.DecodeError) as error:
        msg = f"cannot read {_path(home)}: {error}; put it back from a backup, or move {ledger_dir(home)} aside"
        raise JournalError(msg) from error


def commit(home: Path, manifest: Manifest) -> Manifest:
    """Make `manifest` the one that counts, as the next generation, and have it survive a power cut."""
    following = msgspec.structs.replace(manifest, generation=manifest.generation + 1)
    replace(_path(home), msgspec.json.encode(following), durable=True)
    return following
