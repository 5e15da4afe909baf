"""Go through one transcript, record by record: what counts, what does not, and why."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tokenbudget import config
from tokenbudget.core.errors import TranscriptError
from tokenbudget.core.event import Event
from tokenbudget.core.formatting import exact_dollars, number, plural
from tokenbudget.core.receipt import Unpriced
from tokenbudget.imports.agent import Agent, Call, Files, Opened, Skip
from tokenbudget.imports.agents import chosen
from tokenbudget.imports.billing import BillingRules
from tokenbudget.imports.events import event_of, id_of, size_of
from tokenbudget.imports.files import Found
from tokenbudget.imports.merging import merged, without_replays
from tokenbudget.imports.reading import read_record, records
from tokenbudget.imports.state import opened
from tokenbudget.pricing import price_event, priced


def explained(name: str, path: Path) -> Iterator[str]:
    """Return a line for each record of interest, then the receipt of each call and the sum.

    Raises
    ------
    TranscriptError
        If no agent's transcripts are named and lie like that.
    """
    path = path.expanduser().absolute()
    agent, files = _whose(name, path)
    home, calls = config.current().home, dict[str, Call]()
    with opened(home, keep=False) as state:
        transcript = agent.open(Opened(path, b"", state))
        stat = path.stat()
        found = Found(str(path), str(path.parent), files.kind, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        yield f"{agent.title}: {path}"
        for place, record in _numbered(agent, found):
            for taken in read_record(transcript, record):
                if isinstance(taken, Skip):
                    yield f"{place}  {'!' if taken.is_unknown else '–'} {taken.reason}"
                elif taken is not None:
                    yield f"{place}  {_told(taken, calls)}"
    yield ""
    rules = BillingRules(home)
    told = without_replays((agent, "", call) for call in calls.values())
    events = [_event(agent, call, rules) for _, _, call in told]
    for event in events:
        yield from _receipt(event)
    costs = [event.list_cost_usd or event.cost_usd for event in events]
    total = sum((cost for cost in costs if cost is not None), Decimal(0))
    yield f"{plural(len(events), 'call')}, {exact_dollars(total)} at list price"
    yield from (f"Not in transcripts: {text}" for text in agent.blind)


def _whose(name: str, path: Path) -> tuple[Agent, Files]:
    """Find the agent of a transcript by where it lies; a copy elsewhere needs the agent's name."""
    agents = chosen(name)
    for agent in agents:
        for files in agent.files:
            inside = any(path.is_relative_to(home / files.folder) for home in agent.directories())
            if path.name.endswith(files.ending) and path.name.startswith(files.start) and (inside or len(agents) == 1):
                return agent, files
    msg = (
        f"{path} is in no directory of an agent: say whose it is, e.g. tokenbudget import claude-code --explain {path}"
    )
    raise TranscriptError(msg)


def _numbered(agent: Agent, found: Found) -> Iterator[tuple[str, bytes]]:
    data = Path(found.path).read_bytes() if found.kind == "lines" else b""
    done = number_ = 0
    for line in records(agent, found, 0):
        if line.record:
            number_ += data.count(b"\n", done, line.start) if found.kind == "lines" else 1
            done = line.start
            yield f"{number_ + (found.kind == 'lines'):>6}", line.record


def _told(call: Call, calls: dict[str, Call]) -> str:
    before = calls.get(call.key)
    kin = [one for one in calls.values() if call.group and one.group == call.group and one.key != call.key]
    calls[call.key] = call if before is None else merged(before, call)
    counts = f"{call.model}, {number(call.found.get('input_tokens'))} in, {number(call.found.get('output_tokens'))} out"
    side = ", side conversation" if call.is_side else ""
    if before is None and any(one.is_side or call.is_side for one in kin):
        return f"= call {kin[0].key}, replayed in a side conversation: {counts}"
    if before is None:
        return f"+ call {call.key}: {counts}{side}"
    if size_of(call) > size_of(before):
        return f"↑ the same call, streamed further: {counts}"
    return f"= the same call again: {counts}"


def _event(agent: Agent, call: Call, rules: BillingRules) -> Event:
    billing = rules.of(agent.name, "", call.billing)
    return priced(event_of(agent, call, id_of(agent, call), call.at, billing, project=None, path=False))


def _receipt(event: Event) -> Iterator[str]:
    answer = price_event(event)
    yield f"{event.occurred_at:%Y-%m-%d %H:%M:%S} {event.model} {event.response_id or ''}".rstrip()
    if isinstance(answer, Unpriced):
        yield f"         no price: {answer.detail}"
        return
    for line in answer.lines:
        tier = f" ({line.tier})" if line.tier else ""
        amount = exact_dollars(line.amount)
        yield f"         {line.part + tier:<28} {number(line.quantity):>12} × {exact_dollars(line.rate):<14} {amount}"
    yield f"         {'':<28} {'':>12}   {'=':<14} {exact_dollars(answer.cost_usd)}, billing: {event.billing}"
