"""Where the bundled Postgres keeps its files, and whether that place can be used.

::

    <data_dir>/
    ├── cluster/        Postgres' own data directory
    ├── cluster.part…/  one being created; renamed to cluster/ when it is complete
    ├── run/            the Unix socket
    ├── lock            held (flock) by the process that owns the server
    └── postgres.log
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwuid

from tokenbudget_server.web.errors import DataDirectoryError, DiskFullError

# sun_path holds 104 bytes on macOS and 108 on Linux, with a closing zero.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = ".s.PGSQL.5432"
SHORT_SOCKET_ROOT = Path("/tmp")  # noqa: S108 - made private and checked for its owner below

STAGING_PREFIX = "cluster.part"

_LOG_BYTES_KEPT = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths under one data directory."""

    root: Path

    @classmethod
    def at(cls, data_dir: Path | str) -> Layout:
        """Lay out `data_dir`; ``~`` and symbolic links are resolved."""
        return cls(Path(data_dir).expanduser().resolve())

    @property
    def cluster(self) -> Path:
        """Postgres' own data directory."""
        return self.root / "cluster"

    @property
    def lock(self) -> Path:
        """The file whose lock says who owns the server."""
        return self.root / "lock"

    @property
    def log(self) -> Path:
        """What Postgres has to say."""
        return self.root / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The directory of the Unix socket, short enough for the system's limit."""
        beside = self.root / "run"
        fits = len(os.fsencode(beside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH
        # Postgres reads its setting as a list: commas and quotes would split the path.
        if fits and not set(',"') & set(str(beside)):
            return beside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return SHORT_SOCKET_ROOT / f"tokenbudget-{digest}"

    def prepare(self) -> None:
        """Make the data directory, private to this user; call it before anything else.

        Raises
        ------
        DataDirectoryError
            It cannot be written, belongs to another user or holds other things.
        DiskFullError
            There is no room for a directory.
        """
        with explaining_os_errors(self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() != 0:  # Root may use everyone's.
                _check_directory(self.root, {os.geteuid()})
            self._check_content()

    def prepare_run(self) -> None:
        """Make the directory of the socket and a log that is not long; call it as the owner.

        Raises
        ------
        DataDirectoryError
            The directory belongs to another user.
        """
        with explaining_os_errors(self.root):
            self.sockets.mkdir(mode=0o700, exist_ok=True)
            # A process that reaches the socket is trusted as superuser, and anyone can make directories in /tmp.
            _check_directory(self.sockets, {os.geteuid(), self.root.stat().st_uid})
            self.sockets.chmod(0o700)
            if self.log.exists() and self.log.stat().st_size > _LOG_BYTES_KEPT:
                self.log.replace(self.log.with_name("postgres.log.1"))
            self.log.touch(mode=0o600)

    def remove_sockets(self) -> None:
        """Remove the directory of the socket, which may be in /tmp; call it as the owner."""
        with suppress(OSError):
            self.sockets.rmdir()

    def _check_content(self) -> None:
        names = {entry.name for entry in self.root.iterdir()}
        if "PG_VERSION" in names:
            raise DataDirectoryError(
                f"{self.root} is the data directory of another Postgres. It is left alone: "
                "choose a directory of its own, or set TOKENBUDGET_DATABASE_URL to use that server."
            )
        strange = sorted(name for name in names if name != "lost+found" and not name.startswith("."))
        if strange and "lock" not in names:
            raise DataDirectoryError(
                f"{self.root} holds other files ({', '.join(strange[:3])}). "
                "It is left alone: choose an empty directory, or one that does not exist yet."
            )


def _check_directory(directory: Path, owners: set[int]) -> None:
    """Refuse what another user could have put in our way."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise DataDirectoryError(f"{directory} is not a directory. Move it away or choose another one.")
    if found.st_uid not in owners:
        raise DataDirectoryError(
            f"{directory} belongs to {user_name(found.st_uid)}, and this is {user_name(os.geteuid())}. "
            f"Run as {user_name(found.st_uid)}, or set TOKENBUDGET_HOME to a directory of your own."
        )


def user_name(uid: int) -> str:
    """Name of a user for people, such as ``user 'ada'``; the number when there is no name."""
    try:
        return f"user {getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"user {uid}"


@contextmanager
def explaining_os_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of using `path` into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path) from error
        raise DataDirectoryError(
            f"{error.filename or path} cannot be used: {error.strerror}. The database needs a directory that "
            f"{user_name(os.geteuid())} can write: correct its permissions, or set TOKENBUDGET_HOME to another one."
        ) from error


def disk_full(path: Path) -> DiskFullError:
    """Say that the disk of `path` is full, and how full."""
    there = next(place for place in (path, *path.parents) if place.exists())
    disk = os.statvfs(there)
    return DiskFullError(
        f"The disk that holds {path} is full ({disk.f_bavail * disk.f_frsize / 2**20:.0f} MB free). "
        "Nothing that was stored is lost: free some space (200 MB are plenty) and start again, "
        "or set TOKENBUDGET_HOME to a directory on another disk."
    )
