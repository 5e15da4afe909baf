"""One round of shipping: send every segment that this process may ship."""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tokenbudget.config import Config
from tokenbudget.journal import delivery_stats
from tokenbudget.journal.quarantine import damaged
from tokenbudget.journal.segments import cursor, segment_errors
from tokenbudget.journal.segments.reader import read_chunk
from tokenbudget.journal.segments.segment import SegmentFile, adopted, list_segments
from tokenbudget.journal.writing.writer import Journal
from tokenbudget.transport.backoff import delay
from tokenbudget.transport.connection import connect
from tokenbudget.transport.delivery import Outcome, deliver, isolate
from tokenbudget.transport.quarantine_queue import QuarantineQueue
from tokenbudget.transport.segment_retries import SegmentRetries

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("tokenbudget")

_BATCH_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0
_STOPPED_SECONDS = 600.0
_FAILURES_TO_WARN = 5
_FAILURES_TO_ISOLATE = 3


class _ServerFailedError(Exception):
    """The server fails at these records but may take others."""


class Upload:
    """Rounds of shipping, with the state that they share: connection, failures in a row, time of the next attempt.

    Parameters
    ----------
    journal : Journal
        All segments in its home are shipped, including the one that it is still writing.
    batch : int
        Maximum number of events per request.
    """

    def __init__(self, journal: Journal, batch: int) -> None:
        self._journal = journal
        self._batch = batch
        self._client: httpx.Client
        self._target: tuple[str, str | None] | None = None
        self._failures = 0
        self._not_before = 0.0  # Monotonic: a changed clock moves no retry.
        self._not_even_urgent_before = 0.0
        self._quarantine = QuarantineQueue(journal.home)
        self._segment_retries = SegmentRetries()
        self._acknowledged_to: dict[Path, int] = {}  # By us; on disk, too, if the disk takes it.

    def run(self, settings: Config, *, urgent: bool = False) -> bool:
        """Ship all events to `settings.url`.

        Parameters
        ----------
        urgent : bool, default False
            Whether a caller is waiting: then try even after a failure, unless the server asked to wait.

        Returns
        -------
        bool
            Whether no event of this process is left to send.
        """
        self._journal.report_refusals()
        self._journal.write_out()
        self._quarantine.add(())
        if settings.url is None:
            return True
        self._connect(settings.url, settings.api_key)
        if time.monotonic() < (self._not_even_urgent_before if urgent else self._not_before):
            return False
        self._segment_retries.begin()
        done = [self._ship_held(), *self._ship_segments(urgent=urgent)]
        self._segment_retries.end()
        return all(done)

    def pause(self, idle: float) -> float:
        """Return the seconds until the next round: the remaining delay, else `idle`, to look for unowned segments."""
        left = self._not_before - time.monotonic()
        return left if left > 0 else idle

    def failed(self, detail: str, wait: float | None = None) -> None:
        """Note that an attempt failed; the delay grows with each failure."""
        self._failures += 1
        now = time.monotonic()
        self._not_before = now + delay(self._failures, wait)
        self._not_even_urgent_before = self._not_before if wait else now
        if self._failures == _FAILURES_TO_WARN:
            log.warning("tokenbudget: cannot reach the server (%s); events stay on disk until it answers", detail)
        delivery_stats.add(self._journal.home, last_error=detail, last_error_at=datetime.now(UTC))

    def close(self) -> None:
        """Close the connection; the next round makes a new one."""
        if self._target is not None:
            self._client.close()
            self._target = None

    def _connect(self, url: str, api_key: str | None) -> None:
        """Connect to the configured server; a new URL or key ends any delay."""
        if self._target == (url, api_key):
            return
        self.close()
        self._client = connect(url, api_key, _TIMEOUT_SECONDS)
        self._target = (url, api_key)
        self._failures, self._not_before, self._not_even_urgent_before = 0, 0.0, 0.0

    def _ship_segments(self, *, urgent: bool) -> list[bool]:
        done: list[bool] = []
        for segment in self._segment_retries.put_failed_last(list_segments(self._journal.home, "send")):
            if not urgent and not self._segment_retries.is_due(segment):
                done.append(False)
                continue
            try:
                done.append(self._ship_segment(segment.path))
            except FileNotFoundError:
                continue  # Another process shipped it to the end.
            except (_ServerFailedError, OSError) as error:  # It cannot be sent, read or deleted now; others may.
                self._failed_at(segment, error)
                done.append(False)
                if self._segment_retries.server_seems_down:
                    break
            else:
                if not done[-1]:
                    break
        return done

    def _failed_at(self, segment: SegmentFile, error: Exception) -> None:
        reason = str(error)
        self._segment_retries.note_failure(segment, reason)
        if not self._segment_retries.server_works:
            self.failed(reason)
        elif self._segment_retries.failures(segment.path) == _FAILURES_TO_WARN:
            log.warning(
                "tokenbudget: the server fails at %s (%s) and takes others; see `tokenbudget doctor`",
                segment.name,
                reason,
            )

    def _ship_segment(self, path: Path) -> bool:
        if path == self._journal.live_segment():
            if not self._ship(path, finished=False):
                return False
            if self._journal.problem is None:
                return True
            self._journal.rotate()  # The disk cannot be written, most likely because it is full: free space.
        with adopted(path) as ours:
            if not ours:
                return True  # Its writer is alive and ships it, or another process has just taken it over.
            if not self._ship(path, finished=True):
                return False
        self._settle(path)
        return True

    def _ship(self, path: Path, *, finished: bool) -> bool:
        start = self._acknowledged_to.get(path) or cursor.load(path)
        while True:
            chunk = read_chunk(path, start, _BATCH_BYTES, lines=self._batch, finished=finished)
            if chunk.end == start:
                return True
            to_quarantine = damaged(chunk.damaged)
            if chunk.records:
                outcome = self._send(chunk.records, self._segment_retries.failures(path))
                if outcome is None:
                    return False
                to_quarantine += outcome.rejected
            self._quarantine.add(to_quarantine)
            self._advance(path, chunk.end)
            start = chunk.end

    def _advance(self, path: Path, end: int) -> None:
        self._acknowledged_to[path] = end
        self._segment_retries.clear(path)
        if not self._quarantine.unsafe:
            with contextlib.suppress(OSError):  # A full disk must not stop shipping, which frees space.
                cursor.save(path, end)

    def _settle(self, path: Path) -> None:
        if not self._quarantine.unsafe:
            cursor.settle(path)
            segment_errors.clear(path)
            self._acknowledged_to.pop(path, None)

    def _ship_held(self) -> bool:
        """Ship the records in memory, which could not be written to the disk."""
        while records := self._journal.held(self._batch):
            try:
                outcome = self._send(records)
            except _ServerFailedError as error:
                self.failed(str(error))
                return False
            if outcome is None:
                return False
            self._quarantine.add(outcome.rejected)
            self._journal.release(records)
        return True

    def _send(self, records: list[bytes], failures: int = 0) -> Outcome | None:
        """Send one batch; `failures` counts earlier failures at its segment.

        Return the outcome once every record is settled; None if sending must stop for now.

        Raises
        ------
        _ServerFailedError
            If the server failed at these records.
        """
        way = isolate if max(self._failures, failures) >= _FAILURES_TO_ISOLATE else deliver
        outcome = way(self._client, records)
        if outcome.verdict == "acknowledged":
            self._acknowledged(outcome)
            return outcome
        if outcome.failed and outcome.wait is None:
            raise _ServerFailedError(outcome.detail)
        if outcome.verdict == "stopped":
            self._stopped(outcome)
        else:
            self.failed(outcome.detail, outcome.wait)
        return None

    def _acknowledged(self, outcome: Outcome) -> None:
        self._failures, self._not_before, self._not_even_urgent_before = 0, 0.0, 0.0
        self._segment_retries.note_success()
        if outcome.rejected:
            log.warning(
                "tokenbudget: the server refused %d events, set aside (the first: %s); see `tokenbudget doctor`",
                len(outcome.rejected),
                outcome.rejected[0].reason,
            )
        delivery_stats.add(
            self._journal.home,
            shipped=outcome.shipped,
            last_ack=datetime.now(UTC),
            last_error=None,
            clock_skew_s=outcome.skew,
        )

    def _stopped(self, outcome: Outcome) -> None:
        """Stop sending until the key, the URL or the server changes."""
        if self._failures == 0:
            log.warning(
                "tokenbudget: %s does not take our events (%s); they stay on disk and are sent once the URL "
                "and the API key are right",
                self._client.base_url,
                outcome.detail,
            )
        self.failed(outcome.detail)
        self._not_before = time.monotonic() + _STOPPED_SECONDS
