"""``fsync="interval"``: a thread of its own has the kernel write segments to the disk about every second."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import Protocol

from tokenbudget.journal.locks import sync
from tokenbudget.journal.segment import OpenSegment

_SECONDS = 1.0


class _Writer(Protocol):
    _segment: OpenSegment | None


class Syncer:
    """Runs from the first segment until its writer has none open."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self._finished: SimpleQueue[OpenSegment] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tokenbudget-fsync", daemon=True)
            self._thread.start()

    def finish(self, segment: OpenSegment) -> None:
        """Write `segment` to the disk although its writer has moved on; holding it keeps it open until then."""
        self._finished.put(segment)
        self.start()

    def _run(self) -> None:
        while True:
            time.sleep(_SECONDS)
            segments = self._due()
            if not segments:
                return
            for segment in segments:
                try:
                    sync(segment.fd)
                except OSError:
                    continue  # The next write to this disk says so.

    def _due(self) -> list[OpenSegment]:
        live = self._writer._segment  # noqa: SLF001
        segments = [live] if live else []
        try:
            while True:
                segments.append(self._finished.get_nowait())
        except Empty:
            return segments
