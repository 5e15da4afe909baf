"""``fsync="interval"``: a thread syncs segments to the disk about every second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from tokenbudget.journal.files import sync_file

_SECONDS = 1.0


class Syncer:
    """Syncs segments for as long as there are any.

    It opens files itself: sharing the writer's descriptor would keep a finished segment locked.

    Parameters
    ----------
    live : callable
        Returns the segment being written, or None.
    """

    def __init__(self, live: Callable[[], Path | None]) -> None:
        self._live = live
        self._finished: SimpleQueue[Path] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tokenbudget-fsync", daemon=True)
            with contextlib.suppress(RuntimeError):  # No thread to be had while the interpreter shuts down.
                self._thread.start()

    def finish(self, path: Path) -> None:
        """Sync `path` once more after its writer has finished it."""
        self._finished.put(path)
        self.start()

    def _run(self) -> None:
        while True:
            time.sleep(_SECONDS)
            paths = self._due()
            if not paths:
                return
            for path in paths:
                with contextlib.suppress(OSError):  # Shipped and gone; or the disk fails, which the next write says.
                    sync_file(path)

    def _due(self) -> list[Path]:
        live = self._live()
        paths = [live] if live else []
        with contextlib.suppress(Empty):
            while True:
                paths.append(self._finished.get_nowait())
        return paths
