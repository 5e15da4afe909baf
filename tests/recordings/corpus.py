"""Answers of providers, recorded, with what is to be read of them worked out by hand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.capture.local_server import aws_event
from tokenbudget.core.event import Event
from tokenbudget.core.usage import STATED_ZEROS, Usage
from tokenbudget.pricing import default

AT = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
"""When the answers are priced, whenever they are replayed: a Tuesday, at nobody's lower rates."""
_GEMINIS_TIER = re.compile(r"serviceTier\W+(flex|priority)|ON_DEMAND_(FLEX|PRIORITY)")
HERE = Path(__file__).parent
Lines = tuple[tuple[str, Decimal, Decimal], ...]
"""Part, quantity, US dollars each."""


@dataclass(frozen=True)
class Recording:
    """One answer of one API.

    Attributes
    ----------
    id : str
    provider : str
        Who bills it.
    api : str
        As providers call it: ``chat``, ``responses``, ``messages``, ``generateContent``, ``converse``, …
    request : dict
        The model asked for, and options that matter.
    response : object
        The body of an answer that came whole; of a stream its lines, or its events where it is one of AWS's.
    tokens, tools, units : dict
        What was used, by our names; without what is 0.
    cost, batch : tuple of line, or None
        What it costs, and what it costs in a batch; None where no price is known, or no batch is.
    host, path : str
        Where the call went.
    source : str
        Who recorded it; empty where it was written.
    """

    id: str
    provider: str
    api: str
    request: dict[str, Any]
    response: Any
    tokens: dict[str, int]
    cost: Lines | None
    batch: Lines | None = None
    tools: dict[str, int] = field(default_factory=dict)
    units: dict[str, Decimal] = field(default_factory=dict)
    host: str = ""
    path: str = ""
    source: str = ""

    @property
    def model(self) -> str:
        """The model asked for."""
        return self.request["model"]

    @property
    def is_stream(self) -> bool:
        """Whether it came as a stream."""
        return not isinstance(self.response, dict)

    @property
    def sent(self) -> Any:
        """What the provider sends: a body, or the parts of a stream."""
        if not self.is_stream or isinstance(self.response[0], bytes):
            return self.response
        if isinstance(self.response[0], dict):
            return [aws_event(event["event"], event["payload"]) for event in self.response]
        blocks = "\n".join(self.response).split("\n\n")
        return [f"{block}\n\n".encode() for block in blocks if block.strip()]

    @property
    def names_a_tier(self) -> bool:
        """Whether a Gemini answer says that another tier than the standard one served it."""
        return bool(_GEMINIS_TIER.search(str(self.sent)))

    @property
    def used(self) -> dict[str, Any]:
        """All that was used, as a `Usage` has it."""
        beside = {"tools": self.tools, "units": self.units}
        return self.tokens | {name: value for name, value in beside.items() if value}


def total(lines: Lines | None) -> Decimal | None:
    """Add up lines of quantity times rate."""
    return None if lines is None else sum((quantity * rate for _, quantity, rate in lines), Decimal(0))


def used(event: Event) -> dict[str, Any]:
    """Return what an event's usage has, without what is 0."""
    usage = {name: getattr(event.usage, name) for name in Usage.__struct_fields__}
    beside = {"passes", "reported_cost_usd"}  # how it is priced, not what was used
    return {
        name: value
        for name, value in usage.items()
        if name not in beside and (value or (name in STATED_ZEROS and value is not None))
    }


def cost(event: Event) -> Decimal | None:
    """Return what an event costs at the time that the answers are priced at."""
    return default().priced(msgspec.structs.replace(event, occurred_at=AT, cost_usd=None, unpriced=None)).cost_usd


def recordings(folder: Path = HERE) -> list[Recording]:
    """Read all of a folder's."""
    found = []
    for line in (folder / "expected.jsonl").read_text("utf-8").splitlines():
        expected = json.loads(line, parse_float=Decimal)
        answer = json.loads((folder / "answers" / f"{expected['id']}.json").read_text("utf-8"))
        found.append(
            Recording(
                id=expected["id"],
                provider=answer["provider"],
                api=answer["api"],
                request=answer["request"],
                response=answer["response"],
                tokens=expected["tokens"],
                tools=expected.get("tools", {}),
                units={name: Decimal(count) for name, count in expected.get("units", {}).items()},
                cost=_lines(expected["cost"]),
                batch=_lines(expected.get("batch")),
                host=answer["host"],
                path=answer["url_path"],
                source=answer["source"]["repository"],
            )
        )
    return found


def _lines(stated: list[list[Any]] | None) -> Lines | None:
    if stated is None:
        return None
    return tuple((part, Decimal(quantity), Decimal(rate)) for part, quantity, rate in stated)
