"""``tb.explain``: what a call cost, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.core.event import Event, decode
from tokenbudget.core.formatting import exact_dollars
from tokenbudget.core.money import from_pico
from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.pricing.local import default
from tokenbudget.pricing.pricer import Pricer
from tokenbudget.pricing.views import ReceiptView

_IDS = ("id", "response_id", "responseId")


def explain(call: Any, pricer: Pricer | None = None) -> ReceiptView:
    """Show what a call cost as a receipt: quantity, rate and amount of every line, and where the rate comes from.

    Parameters
    ----------
    call : Event, Receipt, str or provider's response
        An event; its id or the response's id; or the response itself, as a wrapped client returned it.
    pricer : Pricer, optional
        That of this process by default.

    Returns
    -------
    ReceiptView
        A table in a notebook; ``cost_usd`` and ``lines`` to compute with.

    Raises
    ------
    PriceError
        If this machine has no record of the call.

    Examples
    --------
    >>> event = Event(
    ...     id="018bcfe5-6800-7000-8000-000000000000",
    ...     occurred_at=datetime(2026, 10, 5, tzinfo=UTC),
    ...     provider="openai",
    ...     model="gpt-4o-mini",
    ...     usage=Usage(input_tokens=1_000, output_tokens=200),
    ... )
    >>> explain(event).cost_usd
    Decimal('0.000270000000')
    """
    if isinstance(call, Receipt | Unpriced):
        return ReceiptView(answer=call)
    event = call if isinstance(call, Event) else _recorded(config.current().home, _id(call))
    answer = (pricer or default()).price_event(event)
    cost = answer.cost_usd if isinstance(answer, Receipt) else None
    return ReceiptView(
        answer=answer,
        title=f"{event.model} of {event.provider}, {event.occurred_at:%Y-%m-%d %H:%M:%S} UTC",
        remarks=(*event.warnings, *_recorded_otherwise(event.cost_usd, cost)),
    )


def _recorded_otherwise(recorded: Decimal | None, now: Decimal | None) -> tuple[str, ...]:
    if recorded is None or recorded == now:
        return ()
    return (f"recorded at {exact_dollars(recorded)}: the prices known then, or tools that the ledger does not keep",)


def _id(call: Any) -> str:
    if isinstance(call, str):
        return call
    found = (call.get(name) if isinstance(call, dict) else getattr(call, name, None) for name in _IDS)
    for value in found:
        if isinstance(value, str) and value:
            return value
    msg = f"cannot explain a {type(call).__name__}: give an event, a response or the id of either"
    raise PriceError(msg)


def _recorded(home: Path, wanted: str) -> Event:
    from tokenbudget.journal import read_lines

    needle = wanted.encode()
    for line in read_lines(home):
        if needle in line and wanted in ((event := decode(line)).id, event.response_id):
            return event
    event_of_ledger = _sealed(home, wanted)
    if event_of_ledger is None:
        msg = f"no call {wanted!r} is recorded in {home}: was the client wrapped, and is this the home it recorded to?"
        raise PriceError(msg)
    return event_of_ledger


def _sealed(home: Path, wanted: str) -> Event | None:
    """Find a call among the sealed days of the ledger."""
    import polars as pl

    from tokenbudget.ledger.local import local_source

    frame = local_source(home).scan(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    found = frame.filter((pl.col("id") == wanted) | (pl.col("response_id") == wanted)).collect()
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    return Event(
        id=row["id"],
        occurred_at=row["occurred_at"],
        provider=row["provider"],
        model=row["model"],
        requested_model=row["requested_model"],
        service_tier=row["service_tier"],
        cost_usd=None if row["cost_pico"] is None else from_pico(row["cost_pico"]),
        usage=Usage(**{name: row[name] for name in TOKEN_FIELDS if row[name] is not None}),
    )
