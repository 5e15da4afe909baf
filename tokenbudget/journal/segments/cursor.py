"""How much of a segment a server has acknowledged.

Written after the acknowledgement, never before: killed in between, the batch is sent again under the same ids.
"""

from __future__ import annotations

from pathlib import Path

from tokenbudget.journal.files import remove, replace

SUFFIX = ".cursor"


def _path(segment: Path) -> Path:
    return segment.with_name(segment.name + SUFFIX)


def load(segment: Path) -> int:
    """Return the acknowledged bytes of `segment`; 0 when unknown, which sends it again."""
    try:
        offset = int(_path(segment).read_bytes())
        return offset if 0 <= offset <= segment.stat().st_size else 0
    except (OSError, ValueError):
        return 0


def save(segment: Path, offset: int) -> None:
    """Remember that the first `offset` bytes of `segment` are acknowledged."""
    replace(_path(segment), b"%d" % offset)


def settle(segment: Path) -> None:
    """Delete `segment`, which is finished and acknowledged to its end."""
    remove(segment)
    if not segment.exists():
        remove(_path(segment))
