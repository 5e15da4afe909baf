"""Import transcripts: read what is new, find each call once, price it as of its day, record it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tokenbudget import config
from tokenbudget.core.errors import TranscriptError
from tokenbudget.core.event import Billing, Event
from tokenbudget.core.money import to_pico
from tokenbudget.imports import lines
from tokenbudget.imports.agent import UNREADABLE, Agent, Call, Opened, Skip, Transcript
from tokenbudget.imports.agents import chosen
from tokenbudget.imports.billing import BillingRules
from tokenbudget.imports.events import event_of, id_of
from tokenbudget.imports.files import Found, find
from tokenbudget.imports.merging import merged, without_replays
from tokenbudget.imports.others import Recorded
from tokenbudget.imports.reading import UnreadableFileError, read_record, records
from tokenbudget.imports.report import ImportReport, Tally
from tokenbudget.imports.state import FileState, Known, State, digest, opened
from tokenbudget.pricing import priced
from tokenbudget.recording import recorder

_MOST_PENDING = 10_000
"""Calls that wait to be settled: repeated ones are often near each other."""
_STREAMING = timedelta(minutes=2)
"""How long a transcript may go on to tell of a call: a server keeps the first record of an id, and not a larger one."""
_GROWS = "still written, imported next time"


@dataclass(frozen=True)
class Options:
    """How to import.

    Attributes
    ----------
    since : datetime or None
        Earlier calls are passed over.
    dry_run : bool
        Only tell what would be imported.
    again : bool
        Read everything anew, also what was read before; calls that were imported stay one event each.
    billing : str or None
        How the calls are billed, whatever the settings say.
    path : bool
        Whether the path of the project's folder is a tag.
    wait : float
        Seconds to wait for another import.
    """

    since: datetime | None = None
    dry_run: bool = False
    again: bool = False
    billing: Billing | None = None
    path: bool = False
    wait: float = 30.0


@dataclass
class Progress:
    """How far an import is.

    Attributes
    ----------
    done, total : int
        Bytes read, and bytes that are new in all.
    report : ImportReport
        So far.
    """

    done: int
    total: int
    report: ImportReport


def run(agents: str, options: Options, progress: Callable[[Progress], None] = lambda _: None) -> ImportReport:
    """Import the transcripts of an agent, or of all.

    Raises
    ------
    TranscriptError
        If there is no such agent, another import is under way, or recording is switched off.
    ConfigError
        If the settings cannot be used.
    """
    settings, wanted = config.current(), chosen(agents)
    began = time.monotonic()
    if not settings.enabled and not options.dry_run:
        raise TranscriptError("recording is switched off (TOKENBUDGET_DISABLED): nothing can be imported")
    report = ImportReport({agent.name: Tally.of(agent) for agent in wanted}, dry_run=options.dry_run)
    rules = BillingRules(settings.home, options.billing)
    with opened(settings.home, keep=not options.dry_run, wait=options.wait) as state:
        if options.again:
            state.forget_files()
        known = state.files()
        work = [(agent, one) for agent in wanted for one in find(agent)]
        fresh = [(agent, one, start) for agent, one in work if (start := _start(one, known.get(one.path), options))]
        for agent, _ in work:
            report.agents[agent.name].files += 1
        told = Progress(0, sum(one.size - start.read_to for _, one, start in fresh), report)
        job = _Import(settings, options, state, rules, report)
        for agent, one, start in fresh:
            for read in job.file(agent, one, start):
                told.done += read
                progress(told)
        job.settle()
    return ImportReport(report.agents, time.monotonic() - began, options.dry_run)


def _start(one: Found, known: FileState | None, options: Options) -> FileState | None:
    """Return where to begin to read a file; None where nothing is new."""
    since = _microseconds(options.since) if options.since else 0
    begin = FileState(one.inode, one.size, one.changed, since=since)
    if known is None or known.since > since or known.inode != one.inode:
        return begin
    if one.kind != "lines":
        return None if (known.size, known.changed) == (one.size, one.changed) else begin
    if one.size == known.size:
        return None
    is_same = one.size >= known.read_to and lines.mark(Path(one.path), known.read_to) == known.mark
    if not is_same:
        return begin
    return known._replace(size=one.size, changed=one.changed, since=max(known.since, since))


class _Import:
    """One import: calls wait until there are many, and are then settled together."""

    def __init__(
        self, settings: config.Config, options: Options, state: State, rules: BillingRules, report: ImportReport
    ) -> None:
        self._settings = settings
        self._options = options
        self._state = state
        self._rules = rules
        self._report = report
        self._recorded = Recorded(settings.home)
        self._since = options.since
        self._pending: dict[tuple[str, str], tuple[Agent, str, Call]] = {}
        self._told_at: dict[tuple[str, str], datetime] = {}
        self._read: dict[str, FileState] = {}

    def file(self, agent: Agent, one: Found, start: FileState) -> Iterator[int]:
        """Read what is new in a file; yields the bytes read now and then."""
        try:
            yield from self._file(agent, one, start)
        except UnreadableFileError as error:  # It is tried again the next time.
            self._report.agents[agent.name].add_unknown(str(error), one.path)

    def _file(self, agent: Agent, one: Found, start: FileState) -> Iterator[int]:
        tally = self._report.agents[agent.name]
        tally.read += 1
        transcript = agent.open(Opened(Path(one.path), start.context, self._state))
        done = start.read_to
        for line in records(agent, one, start.read_to):
            if line.record:
                self._take(agent, one, tally, line, transcript)
            is_end = not line.record
            if is_end or len(self._pending) >= _MOST_PENDING:
                if is_end or one.kind == "lines":  # Of what is read as a whole, a part would pass for all.
                    self._read[one.path] = _read_to(start, line.end, one, transcript, is_end=is_end)
                if not is_end:
                    self.settle()
                tally.bytes += line.end - done
                yield line.end - done
                done = line.end

    def _take(self, agent: Agent, one: Found, tally: Tally, line: lines.Line, transcript: Transcript) -> None:
        for taken in read_record(transcript, line.record):
            if isinstance(taken, Skip):
                if taken.is_unknown:
                    tally.add_unknown(taken.reason, f"{one.path}, byte {line.start:,}")
                else:
                    tally.skipped[taken.reason] += 1
            elif taken is not None and (self._since is None or taken.at >= self._since):
                place = agent.name, taken.key
                before = self._pending.get(place)
                call = taken if before is None else merged(before[2], taken)
                self._pending[place] = agent, one.home, call
                self._told_at[place] = max(taken.at, self._told_at.get(place, taken.at))

    def settle(self) -> None:
        """Record what waits, unless it is known, and keep how far files were read."""
        waiting = without_replays(self._pending.values())
        elsewhere = self._elsewhere(call for _, _, call in waiting)
        calls, grows = [], False
        for agent, account, call in waiting:
            tally = self._report.agents[agent.name]
            if self._grows(agent, call):
                tally.skipped[_GROWS] += 1
                grows = True
                continue
            if call.response_id in elsewhere:
                tally.elsewhere += 1
                continue
            known = self._known(agent, call)
            try:
                event = self._event(agent, account, call, known)
            except (ArithmeticError, TypeError, ValueError):
                tally.add_unknown(UNREADABLE.reason, f"{agent.title}, call {call.key}")
                continue
            if known is not None and known.rank >= _rank(event):
                tally.known += 1
                continue
            event = priced(event)
            if not self._options.dry_run:
                recorder.write(event)
            if known is None:
                tally.add(event)
            else:
                tally.amended += 1
            calls.append(_entry(agent, call, event, known))
        self._state.put_calls(calls)
        if not grows:  # What was read with a call that is left out is read again with it.
            for path, state in self._read.items():
                self._state.put_file(path, state)
        self._state.commit()
        self._pending, self._read, self._told_at = {}, {}, {}

    def _grows(self, agent: Agent, call: Call) -> bool:
        """Return whether a call that a server is to be told of may still be told of with more tokens."""
        told_at = self._told_at.get((agent.name, call.key), call.at)
        return self._settings.url is not None and datetime.now(UTC) - told_at < _STREAMING

    def _elsewhere(self, calls: Iterable[Call]) -> set[str]:
        own = {call.response_id: call.at for call in calls if call.response_id}
        if not own:
            return set()
        return self._recorded.among(own.keys(), min(own.values()), max(own.values()))

    def _known(self, agent: Agent, call: Call) -> Known | None:
        found = self._state.by_key(digest(f"{agent.name}/{call.key}"))
        if found is None and call.group:
            found = self._state.by_kin(digest(f"{agent.name}/{call.group}"), is_side=call.is_side)
        return found

    def _event(self, agent: Agent, account: str, call: Call, known: Known | None) -> Event:
        id_, at = (known.id, _time(known.at)) if known else (id_of(agent, call), call.at)
        billing = self._rules.of(agent.name, account, call.billing)
        return event_of(agent, call, id_, at, billing, project=self._settings.project, path=self._options.path)


def _rank(event: Event) -> int:
    """Return the rank of an event (`tokenbudget.journal.compaction.duplicates.rank`): the higher one counts."""
    return 2 * (event.usage.total_tokens or 0) + (event.billing != "unknown")


def _read_to(start: FileState, end: int, one: Found, transcript: Transcript, *, is_end: bool) -> FileState:
    """Return how far a file was read; its size then tells whether anything is new, half a line at its end is not."""
    if one.kind != "lines":
        return start._replace(read_to=end)
    size, mark = max(end, one.size) if is_end else end, lines.mark(Path(one.path), end)
    return start._replace(size=size, read_to=end, context=transcript.context(), mark=mark)


def _entry(agent: Agent, call: Call, event: Event, known: Known | None) -> Known:
    at_list = event.cost_usd if event.list_cost_usd is None else event.list_cost_usd
    return Known(
        known.key if known else digest(f"{agent.name}/{call.key}"),
        digest(f"{agent.name}/{call.group}") if call.group else None,
        event.id,
        _microseconds(event.occurred_at),
        _rank(event),
        call.is_side and (known is None or bool(known.side)),
        call.place.session,
        _pico(event.cost_usd),
        _pico(at_list),
    )


def _pico(usd: Decimal | None) -> int | None:
    """Return whole picodollars; what 64 bits do not hold is not known, as in the ledger."""
    return None if usd is None or (pico := to_pico(usd)) >= 1 << 63 else pico


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _time(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
