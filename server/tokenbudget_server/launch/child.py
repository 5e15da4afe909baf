"""A process of ours: started, waited for until it serves, and stopped; it never outlives us."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tokenbudget_server.web.errors import ChildError

PARENT = "TOKENBUDGET_PARENT_FD"
_POLL_SECONDS = 0.05
_TAIL_LINES = 15


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
        Added to ours.
    log : Path
        Where its output goes.
    """

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The end of this pipe closes when we end, in whatever way, and the child sees it.
        theirs, ours = os.pipe()
        self._ours: int | None = ours
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", module, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **environment, PARENT: str(theirs)},
                    pass_fds=(theirs,),
                    start_new_session=True,  # Ctrl-C is for us; we stop the others in order.
                )
        finally:
            os.close(theirs)

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
        lines = self.log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:]
        return "".join(f"\n    {line}" for line in [f"; the end of {self.log}:", *lines]) if lines else ""

    def ask_to_stop(self) -> None:
        """Ask it to end."""
        if self.alive:
            self._process.terminate()

    def stop(self, patience_seconds: float = 8.0) -> None:
        """End it, in the hard way if it does not end by itself."""
        self.ask_to_stop()
        try:
            self._process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        finally:
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
    if not (descriptor := os.environ.pop(PARENT, "")):
        return
    inherited = int(descriptor)
    os.set_inheritable(inherited, False)  # noqa: FBT003 - only takes it so

    def watch() -> None:
        os.read(inherited, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
