"""Create the data, all of it or none, and see whether existing data fits the programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenbudget_server.embedded.binaries import Binaries
from tokenbudget_server.embedded.command import clean_environment, initdb_command, single_user_command
from tokenbudget_server.embedded.data_dir import STAGING_PREFIX, Layout, disk_full, explaining_os_errors
from tokenbudget_server.embedded.diagnosis import explain
from tokenbudget_server.embedded.os_user import Identity
from tokenbudget_server.web.errors import VersionMismatchError

DATABASE = "tokenbudget"
BYTES_NEEDED = 100 * 2**20  # A fresh cluster has 40 MB; the rest is room for its first work.


def cluster_major(layout: Layout) -> int | None:
    """Major version that made the data; None when there is none yet."""
    try:
        return int((layout.cluster / "PG_VERSION").read_text(encoding="ascii").partition(".")[0])
    except FileNotFoundError:
        return None


def check_version(layout: Layout, binaries: Binaries) -> None:
    """Refuse programs that cannot read the data.

    Raises
    ------
    VersionMismatchError
        The data was made by another major version.
    """
    major = cluster_major(layout)
    if major not in (None, binaries.major):
        raise VersionMismatchError(
            f"The data in {layout.cluster} was made by PostgreSQL {major}, but the programs in "
            f"{binaries.directory} are PostgreSQL {binaries.major}. Nothing was changed. Install PostgreSQL {major} "
            "and set TOKENBUDGET_POSTGRES_BIN to its `bin` directory (to move the data, `pg_dump` it there and "
            f"restore it into a new TOKENBUDGET_HOME), or move {layout.root} away to start empty."
        )


def create_cluster(layout: Layout, binaries: Binaries, identity: Identity, *, sync: bool) -> None:
    """Create the data aside and put it in place only when it is complete.

    Raises
    ------
    DiskFullError
        There is less room than a new database needs.
    EmbeddedPostgresError
        `initdb` failed.
    """
    with explaining_os_errors(layout.root), _staging(layout) as staging:
        if shutil.disk_usage(layout.root).free < BYTES_NEEDED:
            raise disk_full(layout.root)
        identity.give(staging)
        _run(layout, initdb_command(binaries, identity, staging, sync=sync))
        _run(layout, single_user_command(binaries, identity, staging), statement=f"CREATE DATABASE {DATABASE};")
        staging.rename(layout.cluster)
        if sync:
            _sync_directory(layout.root)


@contextmanager
def _staging(layout: Layout) -> Iterator[Path]:
    """Make a directory for an attempt, and remove it and earlier ones when they came to nothing.

    It has a new name each time: the `initdb` of an attempt that was killed may still be writing.
    """
    try:
        yield Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=layout.root))
    finally:
        for attempt in layout.root.glob(f"{STAGING_PREFIX}*"):
            shutil.rmtree(attempt, ignore_errors=True)


def _run(layout: Layout, command: list[str], statement: str = "") -> None:
    # The session is its own so that Ctrl-C reaches us alone; `/` because the user may not enter ours.
    finished = subprocess.run(  # noqa: S603
        command,
        input=statement,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=clean_environment(),
        start_new_session=True,
        check=False,
    )
    if finished.returncode != 0 or "ERROR:" in finished.stdout:
        raise explain(finished.stdout, layout)


def _sync_directory(directory: Path) -> None:
    """Make the renamed entry survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
