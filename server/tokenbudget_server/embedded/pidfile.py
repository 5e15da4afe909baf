"""Read ``postmaster.pid``, in which a running Postgres describes itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tokenbudget_server.embedded.data_dir import SOCKET_NAME, Layout

_STATUS_LINE = 7


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says.

    Attributes
    ----------
    pid : int
        Process id; the process may be gone, or be another program that got its number.
    status : str
        ``starting``, ``ready``, ``stopping``; empty before Postgres has written one.
    """

    pid: int
    status: str


def read_postmaster(layout: Layout) -> Postmaster | None:
    """Read the file; None when there is none, or it is only half written."""
    try:
        lines = _path(layout).read_text(encoding="utf-8", errors="replace").splitlines()
        return Postmaster(int(lines[0]), lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "")
    except (OSError, ValueError, IndexError):
        return None


def running_postmaster(layout: Layout) -> Postmaster | None:
    """Read the file, unless the process it names is not a Postgres on this data."""
    postmaster = read_postmaster(layout)
    if postmaster and str(layout.cluster) in _command_line(postmaster.pid):
        return postmaster
    return None


def disarm_stale_files(layout: Layout) -> None:
    """Let Postgres start although a dead server's files name a process that lives again.

    Postgres refuses to start when the process in ``postmaster.pid`` exists, even if the
    number now belongs to another program. Deleting the file would also delete what
    Postgres needs to see orphaned server processes that still write. So it is handed to
    this process instead: Postgres takes its own parent's number for stale and checks the rest.

    Call it only as the owner, with no server running.
    """
    path = _path(layout)
    if read_postmaster(layout):
        _, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("\n")
        changed = path.with_name("postmaster.pid.part")
        changed.write_text(f"{os.getpid()}\n{rest}", encoding="utf-8")
        changed.chmod(0o600)
        os.chown(changed, path.stat().st_uid, path.stat().st_gid)
        changed.replace(path)
    else:
        path.unlink(missing_ok=True)  # Cut short by a full disk: Postgres would call it bogus.
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (layout.sockets / name).unlink(missing_ok=True)


def _path(layout: Layout) -> Path:
    return layout.cluster / "postmaster.pid"


def _command_line(pid: int) -> str:
    """Command line of a process; empty when it does not exist."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-p", str(pid), "-o", "command="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
