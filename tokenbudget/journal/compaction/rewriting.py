"""Change sealed events, crash-safely: new parts under new names, then the manifest, all at once.

If killed before the manifest is replaced, the new parts are stray files, which no reader uses and the next compaction
deletes.  After it, the old parts are retired.  So a reader sees either the whole change or none of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tokenbudget.core.errors import JournalError
from tokenbudget.journal.compaction.manifest import Manifest, Retired, SealedPart, commit, ledger_dir, load
from tokenbudget.journal.files import make_private, sync_directory, sync_file
from tokenbudget.journal.locks import locked

if TYPE_CHECKING:
    import polars as pl

Change = Callable[["pl.DataFrame"], "pl.DataFrame | None"]

_LOCK_SECONDS = 60.0


def rewrite(home: Path, start: datetime, end: datetime, change: Change) -> int:
    """Change the sealed events of the parts that hold any of ``start <= occurred_at < end``.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    start, end : datetime
        UTC, time-zone aware.
    change : callable
        Takes all events of a part and returns as many, with the same times; None leaves the part unchanged.

    Returns
    -------
    int
        Number of parts rewritten.

    Raises
    ------
    JournalError
        If the ledger stays locked by another process, or the manifest cannot be read; nothing is changed then.
    OSError
        If the ledger cannot be written; nothing is changed then.
    """
    make_private(ledger_dir(home))
    with locked(ledger_dir(home) / "lock", _LOCK_SECONDS) as taken:
        if not taken:
            msg = f"{ledger_dir(home)} is locked by another process; try again"
            raise JournalError(msg)
        manifest = load(home)
        written = {
            part: _written(home, part, change) for part in manifest.parts if part.first < end and part.last >= start
        }
        replaced = {part: new for part, new in written.items() if new is not None}
        if replaced:
            sync_directory(ledger_dir(home))
            now = datetime.now(UTC)
            parts = tuple(replaced.get(part, part) for part in manifest.parts)
            retired = (*manifest.retired, *(Retired(part.file, now) for part in replaced))
            commit(home, Manifest(manifest.generation, parts, manifest.covered, retired))
        return len(replaced)


def _written(home: Path, part: SealedPart, change: Change) -> SealedPart | None:
    """Write the new version of a part; None if it does not change."""
    import polars as pl

    changed = change(pl.read_parquet(part.path(home)))
    if changed is None:
        return None
    stem = part.file.partition("-")[0]
    new = msgspec.structs.replace(part, file=f"{stem}-{os.urandom(6).hex()}.parquet")
    if changed.height != part.rows:
        msg = f"{part.path(home)} holds {part.rows} events, and {changed.height} are to take their place"
        raise JournalError(msg)
    changed.write_parquet(new.path(home), compression="zstd")
    sync_file(new.path(home))
    return new
