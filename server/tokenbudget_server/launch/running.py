"""One ``tokenbudget up`` per home: who it is, and where it listens."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tokenbudget_server.web.errors import AlreadyRunningError, SettingsError

_PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.1


class Running(msgspec.Struct, frozen=True):
    """Where everything listens.

    Attributes
    ----------
    pid : int
    api : str
        URL of the API and the dashboard, without a slash at its end.
    panel : str or None
        URL of the Panel dashboard; None when it does not run.
    key : str
        The API key.
    """

    pid: int
    api: str
    panel: str | None
    key: str


@contextmanager
def usable(home: Path, *, is_written: bool = True) -> Iterator[None]:
    """Have a file of the home that cannot be used told as a setting that is wrong, for the length of a block.

    Parameters
    ----------
    home : Path
        Made when it is missing.
    is_written : bool
        Whether it is of no use where it cannot be written.

    Raises
    ------
    SettingsError
        The home is a file, a link to nothing, read-only or full, or a file in it is not what it should be.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_written:
            tempfile.TemporaryFile(dir=home).close()  # What may be written shows only when it is.
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
        if path is None or not (path == home or home in path.parents or path in home.parents):
            raise
        where = f"{home} cannot be used as TokenBudget's home" + (f" ({path})" if path != home else "")
        raise SettingsError(
            f"{where}: {_reason(error, home)}. Set TOKENBUDGET_HOME to a directory that you may write to."
        ) from error


def _reason(error: OSError, home: Path) -> str:
    if home.is_symlink() and not home.exists():
        return f"it is a link to {home.readlink()}, which is not there"
    if isinstance(error, FileExistsError) and home.exists():
        return "it is a file, and not a directory"
    return (error.strerror or str(error)).lower()


class Home:
    """The part of ``$TOKENBUDGET_HOME`` that says what runs.

    Parameters
    ----------
    path : Path
        A directory (`usable` makes sure of it).

    Attributes
    ----------
    was_killed : bool
        Whether the one that owned it before could not end in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = path / "up.lock"
        self._state = path / "up.json"
        self.was_killed = False

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Own the home for the length of a ``with`` block; the lock goes with the process, however it ends.

        Raises
        ------
        AlreadyRunningError
            Another process owns it.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(f"TokenBudget is already running in {self.path}") from None
            self.was_killed = self._state.exists()
            self._state.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._state.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def announce(self, running: Running) -> None:
        """Say where everything listens, to a user who tries to start it again."""
        temporary = self._state.with_suffix(".part")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(running))
        temporary.replace(self._state)

    def wait_for_other(self) -> Running | None:
        """Wait until the process that owns the home has started; None when it went away or takes too long."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return msgspec.json.decode(self._state.read_bytes(), type=Running)
            except FileNotFoundError:
                if not self._is_owned():
                    return None
            time.sleep(_POLL_SECONDS)
        return None

    def _is_owned(self) -> bool:
        with self._lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
