"""What an import did, in figures and in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tokenbudget.core.event import Event
from tokenbudget.core.formatting import dollars, number, plural, short_number
from tokenbudget.imports.agent import Agent

_MOST_EXAMPLES = 5


@dataclass
class Tally:
    """What an import found of one agent.

    Attributes
    ----------
    title : str
        The agent's, as people read it.
    files, read : int
        Files there are, and those that had anything new.
    bytes : int
        Bytes that were new.
    calls, amended, known : int
        Calls that are new, that have more tokens than when they were imported, that were imported before.
    elsewhere : int
        Calls that this machine recorded itself.
    unpriced : int
        New calls without a price.
    cost_usd, list_cost_usd : Decimal
        Of the new calls: what is billed by the token, and what all of them cost at list price.
    input_tokens, output_tokens : int
        Of the new calls.
    models : Counter
        List cost by model, US dollars.
    unbilled : int
        New calls of which it is not known how they are billed.
    skipped, unknown : Counter
        Records that are no calls, and records that are not understood, by reason.
    examples : list of str
        Where some of those are that are not understood: file and byte.
    blind : tuple of str
        What transcripts of the agent do not tell.
    """

    title: str
    files: int = 0
    read: int = 0
    bytes: int = 0
    calls: int = 0
    amended: int = 0
    known: int = 0
    elsewhere: int = 0
    unpriced: int = 0
    unbilled: int = 0
    cost_usd: Decimal = Decimal(0)
    list_cost_usd: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    models: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    blind: tuple[str, ...] = ()

    @classmethod
    def of(cls, agent: Agent) -> Tally:
        """Begin at nothing."""
        return cls(agent.title, blind=agent.blind)

    def add(self, event: Event) -> None:
        """Count a new call."""
        self.calls += 1
        self.input_tokens += event.usage.input_tokens or 0
        self.output_tokens += event.usage.output_tokens or 0
        self.unbilled += event.billing == "unknown"
        if event.cost_usd is None:
            self.unpriced += 1
            return
        at_list = event.cost_usd if event.list_cost_usd is None else event.list_cost_usd
        self.cost_usd += event.cost_usd
        self.list_cost_usd += at_list
        self.models[event.model] += at_list  # type: ignore[assignment]  # A Counter adds up anything.

    def add_unknown(self, reason: str, where: str) -> None:
        """Count a record that is not understood."""
        self.unknown[reason] += 1
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(f"{where}: {reason}")


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    agents : dict of str to Tally
        By the name of the agent.
    seconds : float
    dry_run : bool
        Whether nothing was recorded.
    """

    agents: dict[str, Tally]
    seconds: float = 0.0
    dry_run: bool = False

    @property
    def calls(self) -> int:
        """New calls."""
        return sum(tally.calls for tally in self.agents.values())

    @property
    def cost_usd(self) -> Decimal:
        """What the new calls are billed, US dollars."""
        return sum((tally.cost_usd for tally in self.agents.values()), Decimal(0))

    @property
    def list_cost_usd(self) -> Decimal:
        """What the new calls cost at list price, US dollars."""
        return sum((tally.list_cost_usd for tally in self.agents.values()), Decimal(0))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; money as exact text."""
        return {
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            "calls": self.calls,
            "cost_usd": str(self.cost_usd),
            "list_cost_usd": str(self.list_cost_usd),
            "agents": {name: _plain(tally) for name, tally in self.agents.items()},
        }

    def __str__(self) -> str:
        return "\n".join(line for name, tally in self.agents.items() for line in _lines(name, tally))

    __repr__ = __str__


def _plain(tally: Tally) -> dict[str, Any]:
    told = {name: getattr(tally, name) for name in Tally.__dataclass_fields__ if name != "title"}
    models = {model: str(cost) for model, cost in tally.models.most_common()}
    money = {"cost_usd": str(tally.cost_usd), "list_cost_usd": str(tally.list_cost_usd)}
    return told | money | {"models": models, "blind": list(tally.blind)}


def _lines(name: str, tally: Tally) -> Iterable[str]:
    if not tally.files:
        yield f"{tally.title}: no transcripts found"
        return
    known = f", {short_number(tally.known)} known already" if tally.known else ""
    amended = f", {short_number(tally.amended)} amended" if tally.amended else ""
    own = f", {short_number(tally.elsewhere)} recorded by this machine itself" if tally.elsewhere else ""
    yield f"{tally.title}: {plural(tally.calls, 'new call')}{amended}{known}{own} in {plural(tally.files, 'file')}"
    if tally.calls:
        tokens = f"{short_number(tally.input_tokens)} tokens in, {short_number(tally.output_tokens)} out"
        yield f"  {_money(tally)}; {tokens}"
    if tally.unbilled:
        yield (
            f"  How {'one call' if tally.unbilled == 1 else number(tally.unbilled) + ' calls'} should be billed is not"
            f' known: counted as billed by the token. If a plan covers them, put {name} = "subscription" into'
            " config.toml under [billing], and import with --again"
        )
    if tally.unpriced:
        yield f"  {plural(tally.unpriced, 'call')} without a price: tb.coverage() says why and what to do"
    for reason, count in tally.unknown.most_common():
        yield f"  ! {plural(count, 'record')} not understood, and not counted: {reason}"
    yield from (f"    {example}" for example in tally.examples)


def _money(tally: Tally) -> str:
    if tally.cost_usd == tally.list_cost_usd:
        return dollars(tally.cost_usd)
    return f"{dollars(tally.cost_usd)} billed, {dollars(tally.list_cost_usd)} API-equivalent"
