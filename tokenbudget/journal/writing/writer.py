"""Write events: one line, one ``write``, on the caller's thread, before the observed call returns.

Normally `Journal.append` is all that runs: no lock, no queue, no other thread.  If anything goes wrong (no home, a full
disk, a deleted directory, too many unsent events), `_append_slowly` keeps the record in bounded memory, logs a warning
once, and writes the record as soon as the disk works again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic
from zlib import crc32

from tokenbudget import config
from tokenbudget.core.errors import ConfigError
from tokenbudget.journal import delivery_stats, open_journals
from tokenbudget.journal.locks import sync
from tokenbudget.journal.options import JournalOptions
from tokenbudget.journal.segments.segment import Kind, OpenSegment, create, short_write
from tokenbudget.journal.writing.overflow_buffer import OverflowBuffer
from tokenbudget.journal.writing.syncer import Syncer
from tokenbudget.journal.writing.throttled_log import REFUSED, ThrottledLog, in_memory
from tokenbudget.journal.writing.unsent_cap import CapReachedError, check_cap

_CHECK_SECONDS = 1.0
_RETRY_SECONDS = 1.0


def _server_configured() -> bool:
    return config.current().url is not None


class Journal:
    """The writer of this process to the journal under `home`.

    It is thread-safe, fork-safe (a child writes its own segments) and may be called from a signal handler.

    Parameters
    ----------
    home : Path
        TokenBudget's directory; segments live in ``home/journal``.
    options : JournalOptions, optional
        Bounds and guarantees.
    sends : callable, optional
        Returns whether events are to be sent to a server; by default, the configuration decides.
    finished : callable, optional
        Called on the recording thread when a segment of local mode is finished; must return at once.

    Attributes
    ----------
    refused : int
        Events refused by this process because a bound was reached.

    Examples
    --------
    >>> import tempfile
    >>> from tokenbudget.journal import read_lines
    >>> home = Path(tempfile.mkdtemp())
    >>> journal = Journal(home)
    >>> journal.append(b'{"id":"a"}')
    >>> list(read_lines(home))
    [b'{"id":"a"}']
    """

    def __init__(
        self,
        home: Path,
        *,
        options: JournalOptions | None = None,
        sends: Callable[[], bool] = _server_configured,
        finished: Callable[[], object] = lambda: None,
    ) -> None:
        self.home = home
        self.options = options or JournalOptions()
        self._sends = sends
        self._finished = finished
        self._segment: OpenSegment | None = None  # None: the next event takes the slow way.
        self._reset()
        open_journals.enter(self)

    def _reset(self) -> None:
        self.refused = 0
        self._reported = 0
        self._parked: OpenSegment | None = None  # Could not be written; tried again before a new one.
        self._held = OverflowBuffer()
        self._throttled_log = ThrottledLog()
        self._capped = False
        self._lock = threading.RLock()  # Reentrant: a signal handler may append in the middle of an append.
        self._check_at = self._retry_at = 0.0
        self._always = self.options.fsync == "always"
        self._syncer = Syncer(self.live_segment) if self.options.fsync == "interval" else None

    def append(self, record: bytes) -> None:
        """Put `record`, one event as JSON without newlines, on disk; if that fails, keep it in memory.

        Does not raise for anything the disk does.
        """
        line = b"%08x %b\n" % (crc32(record), record)  # `frame`, inlined: every observed call passes here.
        segment = self._segment
        if segment is None:
            self._append_slowly(line)
            return
        try:
            if os.write(segment.fd, line) < len(line) - 1:
                raise short_write()
        except OSError:
            self._append_slowly(line)
            return
        if self._always:
            self._sync(segment)
        segment.room -= len(line)
        if segment.room < 0 or monotonic() > self._check_at:
            self._check(segment)

    @property
    def problem(self) -> str | None:
        """Why events wait in memory or are refused; None if there is no problem."""
        return self._throttled_log.problem

    @property
    def kind(self) -> Kind:
        """Whether new events are to be sent to a server, or kept on this machine."""
        return self._kind()

    def live_segment(self) -> Path | None:
        """Return the path of the segment being written, which only this process may ship."""
        segment = self._segment or self._parked
        return segment.path if segment else None

    def held(self, limit: int | None = None) -> list[bytes]:
        """Return the oldest records in memory, at most `limit`."""
        with self._lock:
            return self._held.records(limit)

    def release(self, records: Collection[bytes]) -> None:
        """Remove `records` from memory: a server has acknowledged or rejected them."""
        with self._lock:
            self._held.forget(records)

    def take_over(self, other: Journal) -> None:
        """Take over the records in another journal's memory, and write them here."""
        with other._lock:
            lines = other._held.take_all()
        with self._lock:
            self._parked, self._segment = self._segment or self._parked, None
            self._held.extend(lines)
            self._write_out()
            self._refuse_excess()

    @property
    def unreported_refusals(self) -> int:
        """Number of refused events that are not yet in the delivery statistics."""
        return self.refused - self._reported

    def report_refusals(self) -> None:
        """Add the refused events to the delivery statistics."""
        if unreported_refusals := self.unreported_refusals:
            self._reported += unreported_refusals
            delivery_stats.add(self.home, refused=unreported_refusals)

    def write_out(self) -> None:
        """Write the records in memory, if the disk can be written again."""
        with self._lock:
            if self._held:
                self._parked, self._segment = self._segment or self._parked, None
                self._write_out()

    def rotate(self) -> None:
        """Finish the segment being written; the next event starts a new one."""
        with self._lock:
            segment, self._segment = self._segment or self._parked, None
            self._parked = None
            if segment is not None:
                kind = segment.kind
                self._finish(segment)
                del segment  # With it goes the lock, so that the segment can be sealed.
                if kind == "keep":
                    self._finished()

    def follow_settings(self) -> None:
        """Start a new segment if the settings changed between local mode and a server."""
        segment = self._segment or self._parked
        if segment is not None and segment.kind != self._kind():
            self.rotate()

    def close(self) -> None:
        """Finish the segment and try once more to write the records in memory; appending opens a new segment."""
        with self._lock:
            self._retry_at = 0.0
            self.write_out()
            self.rotate()
            self.write_out()
            self.rotate()
        self.report_refusals()

    def _append_slowly(self, line: bytes) -> None:
        with self._lock:
            self._parked, self._segment = self._segment or self._parked, None
            self._held.extend([line])
            self._write_out()
            self._refuse_excess()

    def _write_out(self) -> None:
        if monotonic() < self._retry_at:
            return
        try:
            segment = self._usable_parked() or self._create()
            while (line := self._held.take()) is not None:
                try:
                    segment.write(line)
                except OSError:
                    self._held.put_back(line)
                    raise
        except OSError as error:
            self._degrade(error)
            return
        if self._always:
            self._sync(segment)
        self._segment, self._parked, self._capped = segment, None, False
        self._throttled_log.settle(f"writing events to {self.home} again")

    def _usable_parked(self) -> OpenSegment | None:
        segment = self._parked
        if segment is None or segment.fd < 0:
            return None
        if self._rescue(segment):
            self._parked = None
            return None
        return segment

    def _create(self) -> OpenSegment:
        options, kind = self.options, self._kind()
        if kind == "send":
            check_cap(self.home, options.cap_bytes)
        room = min(options.segment_bytes, options.cap_bytes // 8)
        segment = self._parked = create(self.home, kind, room, options.segment_seconds)
        if self._syncer is not None:
            self._syncer.start()
        return segment

    def _kind(self) -> Kind:
        try:
            return "send" if self._sends() else "keep"
        except ConfigError as error:
            self._throttled_log.say(f"{error}; events are kept on this machine")
            return "keep"

    def _check(self, segment: OpenSegment) -> None:
        """Check about once a second whether the segment is full, old or deleted, and whether records wait in memory."""
        if not self._lock.acquire(blocking=False):
            return  # Another thread is checking, or this one was interrupted by a signal handler.
        try:
            self._check_at = monotonic() + _CHECK_SECONDS
            if segment is not self._segment:
                return
            if segment.room < 0 or monotonic() > segment.deadline or segment.kind != self._kind():
                self.rotate()
            elif self._rescue(segment):
                self._segment = None
            self.write_out()
        finally:
            self._lock.release()

    def _rescue(self, segment: OpenSegment) -> bool:
        """If the segment's file is gone, keep the records written since it was last seen."""
        lost = segment.lost()
        if lost is None:
            return False
        self._throttled_log.say(lost.why)
        self._held.extend(lost.lines)
        return True

    def _finish(self, segment: OpenSegment) -> None:
        if self._rescue(segment):
            return
        try:
            if segment.safe_size == 0:
                segment.path.unlink(missing_ok=True)
            elif self._syncer is not None:
                self._syncer.finish(segment.path)
        except OSError as error:
            self._throttled_log.say(f"cannot finish {segment.path}: {error}")

    def _degrade(self, error: OSError) -> None:
        self._retry_at = monotonic() + _RETRY_SECONDS
        self._capped = isinstance(error, CapReachedError)
        fate = REFUSED if self._capped else in_memory(self._kind() == "send")
        self._throttled_log.say(f"cannot write events to {self.home}: {error.strerror or error}; new ones {fate}")

    def _refuse_excess(self) -> None:
        bound = 0 if self._capped else self.options.memory_bytes
        refused = self._held.shrink(bound)
        if refused and not self._capped:
            self._throttled_log.say(f"{bound:,} bytes wait in memory, which is the bound; new events are refused")
        self.refused += refused

    def _sync(self, segment: OpenSegment) -> None:
        try:
            sync(segment.fd)
        except OSError as error:
            self._throttled_log.say(f"cannot sync {segment.path}: {error}; a power cut may cost its last events")

    def after_fork(self) -> None:
        """Reset in a forked child: segment, memory and locks belong to the parent."""
        self._segment = None
        self._reset()
