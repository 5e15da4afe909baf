"""Find an agent's files, with what tells whether they hold anything new; thousands of files take milliseconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tokenbudget.imports.agent import Agent, Files, Kind


class Found(NamedTuple):
    """A file of an agent.

    Attributes
    ----------
    path, home : str
        Of the file, and of the agent's directory it was found in.
    kind : str
        As in `tokenbudget.imports.agent.Files`.
    inode, size, changed : int
        Which file it is, its bytes, and when it was last written (nanoseconds since 1970).
    """

    path: str
    home: str
    kind: Kind
    inode: int
    size: int
    changed: int


def find(agent: Agent) -> list[Found]:
    """Return the files of an agent, by name: those of older sessions first, as they are named by time."""
    seen: set[tuple[int, int]] = set()
    found: dict[str, Found] = {}
    for home in agent.directories():
        for files in agent.files:
            for entry in _walk(os.path.join(home, files.folder), files):  # noqa: PTH118 (as fast as it can be)
                stat = entry.stat()
                if (stat.st_dev, stat.st_ino) not in seen:  # Two homes may be one, by a link.
                    seen.add((stat.st_dev, stat.st_ino))
                    size, changed = stat.st_size, stat.st_mtime_ns
                    if files.kind == "database":
                        size, changed = _with_log(entry.path, size, changed)
                    found[entry.path] = Found(entry.path, str(home), files.kind, stat.st_ino, size, changed)
    kept = [one for one in found.values() if not _is_outdone(one, agent, found)]
    return sorted(kept, key=lambda one: (os.path.basename(one.path), one.path))  # noqa: PTH119


def _walk(folder: str, files: Files) -> Iterator[os.DirEntry[str]]:
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:  # It is not there, or went away meanwhile.
            continue
        is_wanted = not files.below or f"{os.sep}{files.below}{os.sep}" in f"{folder}{os.sep}"
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if files.is_deep:
                    waiting.append(entry.path)
            elif is_wanted and entry.name.endswith(files.ending) and entry.name.startswith(files.start):
                yield entry


def _with_log(path: str, size: int, changed: int) -> tuple[int, int]:
    """Return size and time of a database together with those of what is not yet in it."""
    try:
        log = os.stat(f"{path}-wal")  # noqa: PTH116
    except OSError:
        return size, changed
    return size + log.st_size, max(changed, log.st_mtime_ns)


def _is_outdone(one: Found, agent: Agent, found: dict[str, Found]) -> bool:
    """Return whether another directory has the same file, which counts."""
    for winner, loser in agent.rivals:
        inside = str(Path(one.home, loser)) + os.sep
        if one.path.startswith(inside) and str(Path(one.home, winner, one.path[len(inside) :])) in found:
            return True
    return False
