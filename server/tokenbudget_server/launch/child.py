"""A process of ours: started, waited for until it serves, and stopped; it never outlives us."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tokenbudget_server.launch.environment import API, allowed
from tokenbudget_server.launch.log_file import LogFile
from tokenbudget_server.web.errors import ChildError

PARENT = "TOKENBUDGET_PARENT_FD"
_POLL_SECONDS = 0.05


class Child:
    """A process that serves HTTP.

    Parameters
    ----------
    name : str
        For people.
    module : str
        What is run, as ``python -m`` does; it calls `end_with_parent`.
    arguments : sequence of str
    environment : mapping of str to str
        Added to what `inherited` lets through of ours.
    log : Path
        Where its output goes, below that of earlier starts.
    inherited : re.Pattern
        Names of the variables that it gets of our environment.
    given : bytes
        A few kilobytes to read from its standard input: the place of secrets, which an environment shows around.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        inherited: re.Pattern[str] = API,
        given: bytes = b"",
    ) -> None:
        self.name = name
        self.log = LogFile(log)
        standard_input, writer = os.pipe()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(given)
        # The end of this pipe closes when we end, in whatever way, and the child sees it.
        theirs, ours = os.pipe()
        self._ours: int | None = ours
        try:
            with self.log.open(f"{name} starts") as output:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", module, *arguments],
                    stdin=standard_input,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**allowed(inherited), **environment, PARENT: str(theirs)},
                    pass_fds=(theirs,),
                    start_new_session=True,  # Ctrl-C is for us; we stop the others in order.
                )
        finally:
            os.close(theirs)
            os.close(standard_input)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def wait_until_serving(self, host: str, port: int, path: str, patience_seconds: float) -> None:
        """Wait until it answers a request with success.

        Raises
        ------
        ChildError
            It ended, or did not answer in time; the end of its log follows.
        """
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not self.alive:
                raise ChildError(f"{self.name} did not start{self.tail()}")
            if answers(host, port, path):
                return
            time.sleep(_POLL_SECONDS)
        raise ChildError(f"{self.name} did not answer within {patience_seconds:.0f} s{self.tail()}")

    def tail(self) -> str:
        """Return the end of its log, for an error's text."""
        lines = self.log.tail()
        return "".join(f"\n    {line}" for line in [f"; the end of {self.log.path}:", *lines]) if lines else ""

    def ask_to_stop(self) -> None:
        """Ask it to end."""
        if self.alive:
            self._process.terminate()

    def stop(self, patience_seconds: float = 8.0) -> None:
        """End it and all that it started, in the hard way if it does not end by itself."""
        self.ask_to_stop()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_seconds)
        finally:
            with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies.
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            if self._ours is not None:
                os.close(self._ours)
                self._ours = None


def answers(host: str, port: int, path: str) -> bool:
    """Whether a server answers a request with success."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400  # noqa: PLR2004
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end_with_parent() -> None:
    """End this process, as if asked to, when the one that started it as a `Child` has gone."""
    if descriptor := os.environ.pop(PARENT, ""):
        inherited = int(descriptor)
        os.set_inheritable(inherited, False)  # noqa: FBT003 - only takes it so
        _when(lambda: os.read(inherited, 1))


def end_with_supervisor(grace_seconds: float) -> None:
    """End this process when the one that forked or spawned it by `multiprocessing` has gone, however that ended.

    It is asked to end first, and gets some seconds for it.
    """
    if (parent := multiprocessing.parent_process()) is not None:
        _when(parent.join, grace_seconds)


def _when(waited_for: Callable[[], object], grace_seconds: float | None = None) -> None:
    """End this process once a call returns, which another thread makes."""

    def watch() -> None:
        waited_for()
        os.kill(os.getpid(), signal.SIGTERM)
        if grace_seconds is not None:
            time.sleep(grace_seconds)
            os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
