"""One ``tokenbudget up`` per home: who it is, and where it listens."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tokenbudget_server.web.errors import AlreadyRunningError

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


class Home:
    """The part of ``$TOKENBUDGET_HOME`` that says what runs.

    Parameters
    ----------
    path : Path
        Made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._lock = path / "up.lock"
        self._state = path / "up.json"

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
            self._state.unlink(missing_ok=True)  # It tells of a process that was killed.
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
