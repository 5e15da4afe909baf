"""The most bytes that may wait to be sent: past it new events are refused."""

from __future__ import annotations

import errno
from pathlib import Path

from tokenbudget.journal.segments.segment import list_segments


class CapReachedError(OSError):
    """As many bytes wait to be sent as may."""


def check_cap(home: Path, cap_bytes: int) -> None:
    """Raise `CapReachedError` if `cap_bytes` or more wait to be sent under `home`."""
    if sum(segment.size for segment in list_segments(home, "send")) >= cap_bytes:
        raise CapReachedError(errno.EDQUOT, f"{cap_bytes:,} bytes wait to be sent, which is the cap")
