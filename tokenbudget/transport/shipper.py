"""The thread that ships the journal to the server.

It wakes when events are recorded, waits a second for more, and ships every segment that it may: that of its own
process, and those whose writer has ended.  What it cannot deliver stays on disk.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

from tokenbudget import config
from tokenbudget.diagnostics import internal_errors
from tokenbudget.journal.writing.writer import Journal
from tokenbudget.transport.upload import Upload

log = logging.getLogger("tokenbudget")

BATCH_EVENTS = 500
LINGER_SECONDS = 1.0
SWEEP_SECONDS = 60.0


class _Flush:
    """A request to deliver all events written so far, and optionally to end the thread."""

    def __init__(self, *, last: bool = False) -> None:
        self.last = last
        self.finished = threading.Event()
        self.delivered = False


class Shipper:
    """Ships what `journal` and dead processes left in its home, on one daemon thread.

    The thread starts at the first `wake`, also in a forked child, and only if a server is configured.  The owner of the
    shipper calls `close` at exit; a later process ships what is left.

    Parameters
    ----------
    journal : Journal
        This process's journal.
    settings : callable, optional
        Returns the `Config` in force; called before each round, so that a new key or URL takes effect.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> shipper = Shipper(Journal(Path(tempfile.mkdtemp())))
    >>> shipper.wake()                     # after journal.append(...)
    >>> shipper.flush(timeout=5.0)         # True: nothing is waiting to be sent
    True
    """

    def __init__(self, journal: Journal, *, settings: Callable[[], config.Config] = config.current) -> None:
        self.journal = journal
        self._settings = settings
        self._reset()
        _shippers.add(self)

    def _reset(self) -> None:
        self._upload = Upload(self.journal, BATCH_EVENTS)
        self._bell: SimpleQueue[_Flush | None] = SimpleQueue()  # Its put() is reentrant: safe in signal handlers.
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._fresh = 0
        self._asleep = False
        self._rung = False

    def wake(self) -> None:
        """Signal that an event was written.  Costs next to nothing and never blocks."""
        self._fresh += 1
        if self._thread is None:
            if self._starting.acquire(blocking=False):
                try:
                    self._start()
                finally:
                    self._starting.release()
        elif self._asleep or (self._fresh >= BATCH_EVENTS and not self._rung):
            self._asleep, self._rung = False, True
            self._bell.put(None)

    def flush(self, timeout: float) -> bool:
        """Deliver everything written so far, waiting at most `timeout` seconds.

        Returns
        -------
        bool
            Whether all of it was delivered; True without a server, where the journal is the store.
        """
        return self._request(_Flush(), timeout)

    def close(self, timeout: float) -> bool:
        """Finish the journal's segment and deliver for at most `timeout` seconds; waking it starts anew.

        Returns
        -------
        bool
            Whether everything was delivered.
        """
        woken = self._thread is not None or self._fresh > 0
        self.journal.close()
        return self._request(_Flush(last=True), timeout) if woken else True

    def _request(self, request: _Flush, timeout: float) -> bool:
        if self._settings().url is None:
            return True
        if not self._starting.acquire(timeout=timeout):
            return False
        try:  # Under the lock: a thread that is just ending would never see the request.
            if not self._start():
                return False
            self._bell.put(request)
        finally:
            self._starting.release()
        return request.finished.wait(timeout) and request.delivered

    def _start(self) -> bool:
        """Start the thread unless it runs; under the lock."""
        if self._thread is not None:
            return True
        if self._settings().url is None:
            return False
        self._thread = threading.Thread(target=self._run, name="tokenbudget-shipper", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # The interpreter is shutting down, or there are no threads left.
            self._thread = None
            return False
        return True

    def _end(self) -> bool:
        """In the thread: end, unless there is more to do by now."""
        with self._starting:
            if self._fresh or not self._bell.empty():
                return False
            self._thread = None
            return True

    def _run(self) -> None:
        ended = False
        while not ended:
            request = self._next()
            self._fresh, self._rung = 0, False
            delivered = self._ship(urgent=request is not None)
            if request is not None:
                if request.last:
                    self._upload.close()
                    ended = self._end()
                request.delivered = delivered
                request.finished.set()

    def _ship(self, *, urgent: bool) -> bool:
        try:
            return self._upload.run(self._settings(), urgent=urgent)
        except Exception as error:  # A thread that dies here would ship nothing for the rest of the process.
            message = "tokenbudget: shipping failed (%s); the events stay on disk"
            log.warning(message, type(error).__name__, exc_info=internal_errors.details(error))
            self._upload.failed("internal error, see the log")
            return False

    def _next(self) -> _Flush | None:
        """Sleep until there is something to do, then let a batch gather."""
        self._asleep = True
        request = self._get(0.0 if self._fresh else self._upload.pause(SWEEP_SECONDS))
        self._asleep = False
        linger_until = time.monotonic() + LINGER_SECONDS
        while request is None and 0 < self._fresh < BATCH_EVENTS and (left := linger_until - time.monotonic()) > 0:
            request = self._get(left)
        return request

    def _get(self, timeout: float) -> _Flush | None:
        try:
            return self._bell.get(timeout=timeout)
        except Empty:
            return None

    def _after_fork(self) -> None:
        self._reset()


_shippers: weakref.WeakSet[Shipper] = weakref.WeakSet()


def _forked() -> None:
    for shipper in list(_shippers):
        shipper._after_fork()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
