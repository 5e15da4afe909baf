"""Seal finished segments in the background, so that queries need not wait for it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from time import monotonic

from tokenbudget.diagnostics import internal_errors

_LONGEST_PAUSE_SECONDS = 2.0


class Compactor:
    """A thread that lives while there is something to seal, and leaves the machine to the program half of the time.

    Parameters
    ----------
    seal : callable
        Seals a piece of what is finished; tells whether there was any.  Needs polars: where that is not installed,
        nothing happens.
    """

    def __init__(self, seal: Callable[[], bool]) -> None:
        self._seal = seal
        self._usable = find_spec("polars") is not None
        self._pid = os.getpid()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have what is finished sealed; returns at once."""
        if not self._is_usable() or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="tokenbudget-seal", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # No thread to be had while the interpreter shuts down.
            self._thread = None

    def close(self, timeout: float) -> None:
        """Stop after the current piece, waiting at most `timeout` seconds for it; killing it loses nothing."""
        self._usable = False
        self._stop.set()
        if self._thread is not None and os.getpid() == self._pid:
            self._thread.join(timeout)

    def _is_usable(self) -> bool:
        if os.getpid() != self._pid:
            # In a forked child: a polars that the parent has used waits for threads which did not come along.
            self._pid, self._thread, self._stop = os.getpid(), None, threading.Event()
            self._usable = self._usable and "polars" not in sys.modules
        return self._usable

    def _run(self) -> None:
        try:
            began = monotonic()
            while self._seal():
                if self._stop.wait(min(monotonic() - began, _LONGEST_PAUSE_SECONDS)):
                    return
                began = monotonic()
        except Exception as error:  # noqa: BLE001 (the next question seals, or reads the segments as they are)
            internal_errors.swallow("journal.compactor", error)
