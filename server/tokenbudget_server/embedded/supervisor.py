"""Keep one Postgres running for as long as this process wants it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from threading import Event, Thread

from tokenbudget_server.embedded.command import clean_environment
from tokenbudget_server.embedded.data_dir import Layout, explaining_os_errors
from tokenbudget_server.embedded.diagnosis import ORPHANS_STILL_RUN, explain
from tokenbudget_server.embedded.pidfile import disarm_stale_files, read_postmaster, running_postmaster
from tokenbudget_server.web.errors import PostgresStartError

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
# Fast (clean), then immediate (recovers at the next start), then what cannot be refused.
_STOP_STAGES = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_ORPHANS_HAVE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 30.0


class Keeper:
    """Starts the server, reaps it, and starts it again when it dies unasked.

    Everything happens in one thread that lives as long as the server: Linux sends the
    "parent is gone" signal when the *thread* that started a process ends.
    """

    def __init__(self, command: list[str], layout: Layout) -> None:
        self._command = command
        self._layout = layout
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._stopping = Event()
        self._was_ready = False
        self._pause = 0.1
        self._log_start = 0
        self._thread = Thread(target=self._run, name="tokenbudget-postgres", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self, timeout: float) -> None:
        """Start the server and wait until it accepts connections.

        Parameters
        ----------
        timeout : float
            Seconds; recovery after a crash may need many.

        Raises
        ------
        EmbeddedPostgresError
            It gave up, or was not ready in time.
        """
        self._thread.start()
        deadline = time.monotonic() + timeout
        while self._thread.is_alive():
            if self._is_ready():
                self._was_ready = True
                return
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresStartError(
                    f"Postgres was not ready after {timeout:.0f} seconds and was stopped. "
                    f"Its log, {self._layout.log}, says what it was doing; a longer timeout may be all it needs."
                )
            time.sleep(POLL_SECONDS)
        with explaining_os_errors(self._layout.root):
            if self._failure:
                raise self._failure
        raise explain(self._new_output(), self._layout)

    def stop(self) -> None:
        """Stop the server and wait until it is gone."""
        self._stopping.set()
        stop_in_stages(self._signal, self._ended_within)

    def _signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)

    def _ended_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _is_ready(self) -> bool:
        postmaster = read_postmaster(self._layout)
        return postmaster is not None and postmaster.pid == self.pid and postmaster.status == "ready"

    def _run(self) -> None:
        started = time.monotonic()
        while not self._stopping.is_set():
            try:
                self._spawn()
            except OSError as error:
                self._failure = error
            else:
                self._reap()
            if not self._should_try_again(time.monotonic() - started):
                return
            self._stopping.wait(self._pause)

    def _spawn(self) -> None:
        disarm_stale_files(self._layout)
        with self._layout.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop in order.
            )

    def _reap(self) -> None:
        assert self._process is not None  # noqa: S101 - _spawn has set it
        if self._stopping.is_set():  # stop() came while it was being started.
            self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _should_try_again(self, seconds_since_start: float) -> bool:
        if self._stopping.is_set():
            return False
        if not self._was_ready:
            # The processes of a server that was killed end by themselves in a moment.
            return seconds_since_start < _ORPHANS_HAVE_SECONDS and ORPHANS_STILL_RUN in self._new_output()
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        _log.warning("Postgres ended unasked; starting it again (its log: %s)", self._layout.log)
        return True

    def _new_output(self) -> str:
        with self._layout.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")


def stop_orphan(layout: Layout) -> None:
    """Stop a server whose owner is dead; call it as the new owner.

    Linux has asked it to stop already; elsewhere nothing has.
    """

    def send(number: int) -> None:
        if orphan := running_postmaster(layout):
            os.kill(orphan.pid, number)

    def ended_within(seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while running_postmaster(layout) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return running_postmaster(layout) is None

    if running_postmaster(layout):
        stop_in_stages(send, ended_within)


def stop_in_stages(send: Callable[[int], None], ended_within: Callable[[float], bool]) -> None:
    """Ask a server to stop, ever less politely, until it has."""
    for number, seconds in _STOP_STAGES:
        send(number)
        if ended_within(seconds):
            return
    raise PostgresStartError("Postgres does not end, not even when killed: its disk may hang.")
