"""Whether recording works: the report of ``tb.status()`` and ``tokenbudget doctor``."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tokenbudget import __version__, config
from tokenbudget.config import Config
from tokenbudget.core.formatting import duration, number, plural
from tokenbudget.diagnostics import unmeasured
from tokenbudget.journal import status as journal_status
from tokenbudget.journal.quarantine import QuarantinedRecord, entries
from tokenbudget.journal.status import Status
from tokenbudget.transport.probe import Probe, probe

_LARGEST_SKEW_SECONDS = 60.0


@dataclass(frozen=True)
class Report:
    """Where events are, whether the server takes them, and what is wrong.

    Attributes
    ----------
    settings : Config
        The settings in force.
    journal : Status
        Where the events of this machine are.
    server : Probe
        Whether the server answers and takes our key.
    rejected : QuarantinedRecord or None
        The first event in quarantine that the server refused.
    not_measured : dict of str to int
        Number of calls of this process that are billed but not measured: ``{"openai fine_tuning.jobs.create": 3}``.
    """

    settings: Config
    journal: Status
    server: Probe
    rejected: QuarantinedRecord | None = None
    not_measured: dict[str, int] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """Each problem and what to do about it; empty if there is none."""
        journal, server = self.journal, self.server
        found = []
        if not self.settings.enabled:
            found.append("recording is switched off (TOKENBUDGET_DISABLED, or tb.configure(enabled=False))")
        if server.url is not None and server.detail:
            found.append(f"{server.url} {server.detail}")
        if server.clock_skew_s is not None and abs(server.clock_skew_s) > _LARGEST_SKEW_SECONDS:
            found.append(f"this machine's clock is {-server.clock_skew_s:+,.0f} s off the server's: set it")
        if self.rejected is not None:
            found.append(
                f"{plural(journal.quarantined, 'event')} refused by the server ({self.rejected.reason}): "
                "when that is mended, run `tokenbudget push --retry`"
            )
        if journal.stuck:
            found.append(
                f"{plural(journal.stuck, 'event')} not getting through ({journal.stuck_because}): kept on disk and "
                "tried again; of an HTTP 500 the server's log says why"
            )
        if journal.refused:
            found.append(
                f"{plural(journal.refused, 'event')} not recorded: a bound was reached (disk full, or too much unsent)"
            )
        if journal.torn:
            found.append(f"{plural(journal.torn, 'line')} could not be read: half written or corrupted, and left out")
        if journal.problem:
            found.append(journal.problem)
        return found

    def __str__(self) -> str:
        facts = [f"{name:<12} {value}" for name, value in self._facts()]
        verdict = [f"! {problem}" for problem in self.problems] or ["✓ all is well"]
        return "\n".join(facts + verdict)

    __repr__ = __str__

    def _facts(self) -> list[tuple[str, str]]:
        journal, server = self.journal, self.server
        size = f"{plural(journal.segments, 'segment')}, {journal.journal_bytes / (1 << 20):,.1f} MiB"
        facts = [
            ("tokenbudget", f"{__version__} on Python {platform.python_version()}, {sys.platform}"),
            ("home", f"{self.settings.home} ({size})"),
            ("events", self._waiting()),
            ("unpriced", f"{number(journal.unpriced)} of those to send or kept"),
        ]
        if self.not_measured:
            counts = self.not_measured.items()
            calls = (f"{name}, {count:,} call{'s' if count > 1 else ''}" for name, count in counts)
            facts.append(("not measured", "; ".join(calls)))
        if server.url is None:
            return [*facts, ("server", server.detail)]
        shown = "takes our events" if server.accepted else ("answers" if server.reachable else "does not answer")
        timing = f" ({duration(server.latency_ms)})" if server.latency_ms is not None else ""
        facts += [
            ("server", f"{server.url} {shown}{timing}"),
            ("shipped", f"{number(journal.shipped)}, last {_ago(journal.last_ack)}"),
        ]
        if journal.last_error:
            facts.append(("last error", f"{journal.last_error}, {_ago(journal.last_error_at)}"))
        return facts

    def _waiting(self) -> str:
        journal = self.journal
        to_send = f"{number(journal.pending)} to send, " if self.server.url is not None or journal.pending else ""
        in_memory = f" ({number(journal.held)} in memory only: nothing can be written)" if journal.held else ""
        return f"{to_send}{number(journal.kept)} kept, {number(journal.sealed)} sealed{in_memory}"


def status(settings: Config | None = None, *, timeout: float = 5.0) -> Report:
    """Report whether recording works: inspect the journal and contact the server.

    Parameters
    ----------
    settings : Config, optional
        The settings to check; those in force by default.
    timeout : float
        Maximum seconds to wait for the server.

    Returns
    -------
    Report
        Prints as text; `Report.problems` lists what is wrong.

    Raises
    ------
    JournalError
        If the ledger's manifest cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> status(Config(home=Path(tempfile.mkdtemp()))).problems
    []
    """
    settings = settings or config.current()
    rejected = next((entry for entry in entries(settings.home) if entry.kind == "rejected"), None)
    journal = journal_status(settings.home)
    return Report(settings, journal, probe(settings, timeout), rejected, dict(unmeasured.counts))


def _ago(when: datetime | None) -> str:
    if when is None:
        return "never"
    seconds = (datetime.now(UTC) - when).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
