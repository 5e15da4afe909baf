"""Whom Postgres runs as: it refuses to be root, and root is who runs containers.

Root keeps its own files through a user namespace in which it has another number. Where
namespaces are forbidden (most containers), Postgres runs as ``nobody``, and data that
already belongs to an ordinary user is served as that user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tokenbudget_server.embedded.data_dir import Layout, user_name
from tokenbudget_server.web.errors import DataDirectoryError

NOBODY = 65534

_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
# SIGINT asks for a fast, clean shutdown when the thread that started Postgres is gone.
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "INT")


@dataclass(frozen=True, slots=True)
class Identity:
    """How to run a program so that Postgres accepts its user.

    Attributes
    ----------
    prefix : tuple of str
        Goes before the command line; every part of it ends in ``exec``, so the process
        id stays that of the process we started.
    owner : tuple of int, optional
        The files must belong to this user and group id; None when they already do.
    """

    prefix: tuple[str, ...]
    owner: tuple[int, int] | None = None

    def give(self, *paths: Path) -> None:
        """Hand files over to the user Postgres runs as, directories with all they hold."""
        if self.owner is None:
            return
        for path in paths:
            for place in (path, *path.rglob("*")):
                os.chown(place, *self.owner, follow_symlinks=False)


def choose_identity(layout: Layout, programs: Path) -> Identity:
    """Decide whom Postgres runs as for the data of `layout`.

    Raises
    ------
    DataDirectoryError
        This is root, and the system offers no way to run a program as someone else.
    """
    dying = _DIE_WITH_PARENT if _works(_DIE_WITH_PARENT) else ()
    if os.geteuid() != 0:
        return Identity(dying)
    found = layout.root.stat()
    if found.st_uid == 0 and _works(_NAMESPACE):
        return Identity((*_NAMESPACE, *dying))
    owner = (found.st_uid, found.st_gid) if found.st_uid else (NOBODY, NOBODY)
    becoming = _become(owner, reach=(layout.root, layout.sockets, programs))
    if not _works(becoming):
        raise DataDirectoryError(
            f"Postgres refuses to run as root, and this system does not let it run as {user_name(owner[0])} "
            "(neither `unshare --user` nor `setpriv` worked). Run as an ordinary user, "
            "or set TOKENBUDGET_DATABASE_URL to use a server of your own."
        )
    return Identity((*becoming, *dying), owner)


def _become(owner: tuple[int, int], reach: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the command prefix that runs as `owner`, with the right to pass directories that are closed to others."""
    command = ("setpriv", f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups")
    parents = {parent for path in reach for parent in path.parents}
    if all(parent.stat().st_mode & 0o001 for parent in parents):
        return command
    return (*command, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


@cache
def _works(command: tuple[str, ...]) -> bool:
    """Whether this system runs `command`; asked once per process, as it costs a process."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603
