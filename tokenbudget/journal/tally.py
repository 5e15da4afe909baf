"""What shipping has come to so far, over all processes: ``home/journal/tally.json``, for `status`.

Only for people to look at: nothing depends on it, and a process killed at the wrong moment leaves it a batch short.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from tokenbudget.journal.files import replace
from tokenbudget.journal.locks import locked
from tokenbudget.journal.segment import journal_dir

_LOCK_SECONDS = 0.5


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts and last things seen.

    Attributes
    ----------
    shipped : int
        Events a server acknowledged, those it had already included.
    refused : int
        Events refused because a bound was reached.
    last_ack, last_error_at : datetime or None
        UTC.
    last_error : str or None
        Why the last attempt failed; None once one succeeded.
    clock_skew_s : float or None
        Seconds by which the server's clock was ahead of this machine's.
    """

    shipped: int = 0
    refused: int = 0
    last_ack: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    clock_skew_s: float | None = None


_decoder = msgspec.json.Decoder(Tally)


def load(home: Path) -> Tally:
    """Read the tally; all zero when there is none."""
    try:
        return _decoder.decode((journal_dir(home) / "tally.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return Tally()


def add(home: Path, *, shipped: int = 0, refused: int = 0, **seen: datetime | float | str | None) -> None:
    """Add to the counts and put what was `seen` in place of what was there; given up when it cannot be written."""
    path = journal_dir(home) / "tally.json"
    try:
        with locked(path.with_suffix(".lock"), _LOCK_SECONDS) as taken:
            if not taken:
                return
            old = load(home)
            counts = {"shipped": old.shipped + shipped, "refused": old.refused + refused}
            replace(path, msgspec.json.encode(msgspec.structs.replace(old, **counts, **seen)))
    except OSError:
        return
