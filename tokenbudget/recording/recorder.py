"""The recorder of this process: price events, append them to the journal, and wake the shipper."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenbudget import config
from tokenbudget.core.event import Event, decode, encode
from tokenbudget.core.sanitize import sanitized
from tokenbudget.diagnostics import internal_errors

if TYPE_CHECKING:
    from tokenbudget.journal import Journal
    from tokenbudget.recording.event_template import EventTemplates, Kind

log = logging.getLogger("tokenbudget")

EXIT_SECONDS = 1.5
"""How long exit waits for the server; events not delivered by then are on disk and are sent by a later process."""

_SEALING_SECONDS = 0.5
"""How long closing waits for a compaction that is running; a later process does what is left."""

Sink = Callable[[Event], None]


class Recorder:
    """Prices, stores and ships events; created with the first event of a process.

    Parameters
    ----------
    settings : Config
        Where the journal is and which server to ship to.
    unwritten : Journal, optional
        An earlier journal, whose events in memory are taken over.
    """

    def __init__(self, settings: config.Config, unwritten: Journal | None = None) -> None:
        from tokenbudget.journal import Compactor, Journal, JournalOptions
        from tokenbudget.pricing import priced

        self._priced = priced
        self._compactor = Compactor(partial(_seal_piece, settings.home))
        options = JournalOptions(fsync=settings.fsync, cap_bytes=settings.cap_mib << 20)
        self._journal = Journal(settings.home, options=options, finished=self._compactor.wake)
        self._shipper: Any = None
        self.append = self._journal.append
        """Append an event that is priced and encoded."""
        if settings.url:
            from tokenbudget.transport import Shipper

            self._shipper = Shipper(self._journal)
            self.append = self._append_and_wake
        if unwritten is not None:
            self.take_over(unwritten)

    def take_over(self, unwritten: Journal) -> None:
        """Take over the events that an earlier journal could not write."""
        self._journal.take_over(unwritten)
        if self._shipper is not None:
            self._shipper.wake()

    def record(self, event: Event) -> None:
        """Record one event."""
        self.append(encode(self._priced(event)))

    def _append_and_wake(self, record: bytes) -> None:
        self._journal.append(record)
        self._shipper.wake()

    def flush(self, timeout: float) -> bool:
        """Wait until all events are with the server (without one, on disk); return False after `timeout` seconds."""
        if self._shipper is not None:
            return bool(self._shipper.flush(timeout))
        self._journal.write_out()
        return not self._journal.held(1)

    def close(self, timeout: float) -> Journal | None:
        """Flush, stop the shipper and close the journal; return the journal if it still holds events in memory."""
        if self._shipper is not None:
            self._shipper.close(timeout)
        self._compactor.close(min(timeout, _SEALING_SECONDS))
        self._journal.close()
        return self._journal if self._journal.held(1) else None


def _seal_piece(home: Path) -> bool:
    """Seal some finished segments; tell whether there were any."""
    from tokenbudget.ledger.local import seal_piece  # Loads polars: on the compactor's thread, and only when needed.

    return seal_piece(home)


_lock = threading.Lock()
_recorder: Recorder | None = None
_unwritten: Journal | None = None
"""The journal of a closed recorder that still holds events in memory: the next recorder takes them over."""
_templates: EventTemplates | None = None
_sink: Sink | None = None
_open_streams: set[weakref.ref[Any]] = set()


def record(event: Event, *, once: bool = False) -> None:
    """Price an event, append it to the journal and wake the shipper.

    Never raises: an internal error is swallowed, counted in ``tokenbudget.diagnostics.internal_errors.counts`` and
    logged once.  Does nothing while recording is switched off (``tb.configure(enabled=False)``).

    Parameters
    ----------
    event : Event
        The event; its cost is filled in.
    once : bool
        Record an id only once, whichever process comes first.  For events that may be read again (batch results).
    """
    try:
        settings = config.for_recording()
        if not settings.enabled:
            return
        event = sanitized(event)
        sink = _sink or (_recorder or _make_recorder(settings)).record
        if once and _sink is None:
            _record_once(settings, event, sink)
        else:
            sink(event)
    except Exception as error:  # noqa: BLE001 (telemetry never raises into the host program)
        internal_errors.swallow("recorder.record", error)


def write(event: Event) -> None:
    """Append an event that is priced, and wake the shipper: for imports, which price events themselves.

    Raises
    ------
    OSError
        If the journal cannot be made.
    """
    if _sink is not None:
        _sink(event)
    else:
        (_recorder or _make_recorder(config.for_recording())).append(encode(event))


def record_counts(kind: Kind, found: Mapping[str, Any], own: dict[str, Any]) -> bool:
    """Record an event from its counts and names, without building an `Event`.

    Returns
    -------
    bool
        Whether it was recorded; False if the event has to be built and recorded with `record`.

    See Also
    --------
    tokenbudget.recording.event_template.EventTemplate.render : the parameters.
    """
    try:
        template = (_templates or _make_templates()).find(kind)
        record = None if template is None else template.render(found, own)
    except Exception as error:  # noqa: BLE001 (the event can still be built)
        internal_errors.swallow("recorder.template", error)
        return False
    if record is None:
        return False
    if _sink is not None:
        _sink(decode(record))
    else:
        (_recorder or _make_recorder(config.for_recording())).append(record)
    return True


def _make_templates() -> EventTemplates:
    global _templates  # noqa: PLW0603 (one per process)
    # Loads the prices: not before there is something to price.
    from tokenbudget.recording.event_template import EventTemplates

    _templates = EventTemplates()
    return _templates


def _record_once(settings: config.Config, event: Event, sink: Sink) -> None:
    from tokenbudget.journal.writing.write_once import write_once

    try:
        write_once(settings.home, event.id, lambda: sink(event))
    except OSError:
        sink(event)  # The ids written so far cannot be read: better twice than never.


def _make_recorder(settings: config.Config) -> Recorder:
    global _recorder, _unwritten  # noqa: PLW0603 (one per process)
    with _lock:
        if _recorder is None:
            _recorder = Recorder(settings, _unwritten)
            _unwritten = None
        return _recorder


def set_sink(sink: Sink | None) -> Sink | None:
    """Send events to `sink` instead of the journal (None: to the journal), and return the previous sink.

    For tests; users call ``tokenbudget.testing.capture_events()``.
    """
    global _sink
    before, _sink = _sink, sink
    return before


def watch_stream(stream: Any) -> None:
    """Remember an open stream, so that it is recorded even if it is not read to its end."""
    # A `WeakSet` in two steps, neither of which another thread can come between.
    _open_streams.add(weakref.ref(stream, _open_streams.discard))


def settle_streams(*, every: bool = False) -> None:
    """Record streams whose loop ended early; with `every`, all open streams."""
    for reference in _open_streams.copy():
        stream = reference()
        if stream is not None:
            stream.settle(every=every)


def flush(timeout: float = 10.0) -> bool:
    """Wait until the server (or, without one, the journal) has all events recorded so far.

    Streams that were left before their end, without being closed, are recorded first.

    Parameters
    ----------
    timeout : float
        Maximum seconds to wait.

    Returns
    -------
    bool
        Whether all events arrived.  The others stay on disk (in memory if the disk cannot be written) and are sent
        later.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> tb.flush(timeout=1)
    True
    """
    try:
        settle_streams()
        return _unwritten is None if _recorder is None else _recorder.flush(timeout)
    except Exception as error:  # noqa: BLE001
        internal_errors.swallow("recorder.flush", error)
        return False


def shutdown(timeout: float = EXIT_SECONDS) -> None:
    """Flush, then stop the background threads; the next recorded call starts them again.

    Called automatically when the interpreter exits.

    Parameters
    ----------
    timeout : float
        Maximum seconds to wait for the server.
    """
    global _recorder
    deadline = time.monotonic() + timeout
    try:
        settle_streams()
        with _lock:
            recorder, _recorder = _recorder, None
        left = None if recorder is None else recorder.close(max(0.0, deadline - time.monotonic()))
        if left is not None:
            _leave(left)
    except Exception as error:  # noqa: BLE001
        internal_errors.swallow("recorder.shutdown", error)


def _leave(journal: Journal) -> None:
    """Keep a journal with unwritten events for the next recorder, which another thread may have created already."""
    global _unwritten  # noqa: PLW0603 (one per process)
    with _lock:
        if _recorder is None:
            _unwritten = journal
        else:
            _recorder.take_over(journal)


def _at_exit() -> None:
    settle_streams(every=True)
    shutdown()
    if _unwritten is not None:
        home, lost = _unwritten.home, len(_unwritten.held())
        log.warning(
            "tokenbudget: %d events are lost: they could not be written to %s, and no server had them", lost, home
        )


def _on_change(settings: config.Config) -> None:
    shutdown()
    try:
        if _unwritten is not None:
            _make_recorder(settings)  # Unwritten events must appear in the new place at once.
    except Exception as error:  # noqa: BLE001
        internal_errors.swallow("recorder.change", error)


def _after_fork() -> None:
    # Journal and shipper handle forks themselves; a held lock, open streams and unwritten events are the parent's.
    global _lock, _open_streams, _unwritten
    _lock, _open_streams, _unwritten = threading.Lock(), set(), None


atexit.register(_at_exit)
config.on_change(_on_change)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
