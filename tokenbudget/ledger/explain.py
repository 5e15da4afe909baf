"""``tb.explain``: the receipt of a call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.core.event import Event, decode
from tokenbudget.core.formatting import exact_dollars
from tokenbudget.core.receipt import Receipt, ReceiptLine, Unpriced
from tokenbudget.pricing.default_pricer import default
from tokenbudget.pricing.engine.pricer import Pricer
from tokenbudget.pricing.receipt_view import ReceiptView

_IDS = ("id", "response_id", "responseId")


def explain(call: Any, pricer: Pricer | None = None) -> ReceiptView:
    """Return the receipt of a call: quantity, rate and amount of each line, and the source of the rate.

    Parameters
    ----------
    call : Event, Receipt, str or provider's response
        An event, the id of an event or a response, or the response that a wrapped client returned.
    pricer : Pricer, optional
        Prices to use; those of this process by default.

    Returns
    -------
    ReceiptView
        A table in a notebook, with ``cost_usd`` and ``lines`` for computing.  It uses the prices known now; if the
        recorded cost differs, a remark states it and the reason.

    Raises
    ------
    PriceError
        If the call is not stored on this machine.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.core.usage import Usage
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
    event, is_complete = (call, True) if isinstance(call, Event) else _recorded(config.current(), _id(call))
    answer = (pricer or default()).price_event(event) if is_complete else _as_recorded(event)
    return ReceiptView(
        answer=answer,
        title=f"{event.model} of {event.provider}, {event.occurred_at:%Y-%m-%d %H:%M:%S} UTC",
        remarks=(*event.warnings, *(_otherwise(event, answer) if is_complete else (_INCOMPLETE,))),
    )


_INCOMPLETE = (
    "its lines are not known: an early version sealed it and did not keep all that its price depends on (batch, region,"
    " speed, tools, other units)"
)


def _as_recorded(event: Event) -> Receipt | Unpriced:
    """Return the recorded cost, for an event that lacks what its price depends on."""
    cost, key = event.cost_usd, event.price_key or ""
    if cost is None:
        return Unpriced(reason=event.unpriced or "error", detail="it was recorded without a price")
    line = ReceiptLine(
        part="recorded", unit="usd", quantity=cost, rate=Decimal(1), amount=cost, price_key=key, source="recorded"
    )
    return Receipt(cost_usd=cost, lines=(line,), price_key=key)


def _otherwise(event: Event, now: Receipt | Unpriced) -> tuple[str, ...]:
    """Return a remark if the lines do not add up to the recorded cost, which all totals use."""
    cost = now.cost_usd if isinstance(now, Receipt) else None
    if cost == event.cost_usd:
        return ()
    if event.cost_usd is not None:
        by = f" by the row {event.price_key}" if event.price_key else ""
        recorded = f"recorded at {exact_dollars(event.cost_usd)}{by}"
    elif event.unpriced is not None:
        recorded = f"recorded without a price ({event.unpriced})"
    else:
        return ()
    remark = (
        f"{recorded}, which is what sums are made of. What is shown here is by the prices known now: they changed, or"
        " were set, since the call was recorded. tb.reprice(...) brings the recorded cost up to date"
    )
    return (remark,)


def _id(call: Any) -> str:
    if isinstance(call, str):
        return call
    found = (call.get(name) if isinstance(call, dict) else getattr(call, name, None) for name in _IDS)
    for value in found:
        if isinstance(value, str) and value:
            return value
    msg = f"cannot explain a {type(call).__name__}: give an event, a response or the id of either"
    raise PriceError(msg)


def _recorded(settings: config.Config, wanted: str) -> tuple[Event, bool]:
    """Find a call; return it, and whether everything that its price depends on is stored."""
    from tokenbudget.journal import read_lines

    needle = wanted.encode()
    lines = (decode(line) for line in read_lines(settings.home) if needle in line)
    found = [event for event in lines if wanted in (event.id, event.response_id)]
    if found:  # A later record may amend an earlier one, by more tokens.
        return max(found, key=lambda event: event.usage.total_tokens or 0), True
    from tokenbudget.ledger.sealed import find_sealed

    sealed = find_sealed(settings.home, wanted)
    if sealed is None:
        where = "was the client wrapped, and is this the home it recorded to?"
        if settings.url is not None:
            where = "what the server has taken is kept there: tb.events(...) lists its cost and the price row"
        msg = f"no call {wanted!r} is recorded in {settings.home}: {where}"
        raise PriceError(msg)
    return sealed
