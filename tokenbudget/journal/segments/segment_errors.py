"""Why the server fails at a segment, in a file beside it.

For display, and so that the next process ships the other segments first.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from tokenbudget.core.limits import storable
from tokenbudget.journal.files import remove, replace

SUFFIX = ".stuck"


def _path(segment: Path) -> Path:
    return segment.with_name(segment.name + SUFFIX)


def mark(segment: Path, reason: str) -> None:
    """Say why `segment` is stuck; given up when it cannot be written."""
    with contextlib.suppress(OSError):
        replace(_path(segment), storable(reason).encode())


def reason(segment: Path) -> str | None:
    """Return why `segment` is stuck; None when it is not."""
    try:
        return _path(segment).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def clear(segment: Path) -> None:
    """Take back that `segment` is stuck."""
    remove(_path(segment))
