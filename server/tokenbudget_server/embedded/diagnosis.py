"""Turn what Postgres printed before it gave up into an error that says what to do."""

from __future__ import annotations

import re

from tokenbudget_server.embedded.data_dir import Layout, disk_full
from tokenbudget_server.web.errors import DataDirectoryError, EmbeddedPostgresError, PostgresStartError

ORPHANS_STILL_RUN = "pre-existing shared memory block"

_LINES_SHOWN = 12
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_ADVICE = [
    (
        re.compile(r"Read-only file system|Permission denied|wrong ownership|Operation not permitted"),
        DataDirectoryError,
        "Postgres cannot write its files in {root}. Correct their owner and permissions, or move TOKENBUDGET_HOME.",
    ),
    (
        re.compile(ORPHANS_STILL_RUN),
        PostgresStartError,
        "A killed Postgres left processes that use the data in {root}. End them (`postgres: ...`) and start again.",
    ),
    (
        re.compile(r"Cannot allocate memory|could not (?:map|create) .*shared memory|out of memory"),
        PostgresStartError,
        "There is not enough memory for Postgres. Close other programs, or give the container more memory.",
    ),
    (
        re.compile(r"invalid (?:value|argument) for parameter|unrecognized configuration parameter"),
        PostgresStartError,
        "Postgres does not accept one of its settings. Correct the setting named below.",
    ),
]


def explain(output: str, layout: Layout) -> EmbeddedPostgresError:
    """Choose the error for `output`, the end of which goes into its message."""
    if _DISK_FULL.search(output):
        return disk_full(layout.root)
    ending = "\n".join(output.strip().splitlines()[-_LINES_SHOWN:]) or "(it printed nothing)"
    for pattern, error, advice in _ADVICE:
        if pattern.search(output):
            return error(f"{advice.format(root=layout.root)} Postgres said:\n{ending}")
    return PostgresStartError(f"Postgres did not start; its log is {layout.log}. It said:\n{ending}")
