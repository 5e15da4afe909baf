"""Price calls: from usage and dated prices to an itemised receipt."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tokenbudget.core.event import Event
from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book.overrides import Override
from tokenbudget.pricing.book.price_book import PriceBook, PriceRow
from tokenbudget.pricing.default_pricer import default
from tokenbudget.pricing.engine.pricer import Pricer

__all__ = ["Override", "PriceBook", "PriceRow", "Pricer", "default", "price", "price_event", "priced"]


def price(  # noqa: PLR0913 (what prices depend on)
    provider: str,
    model: str,
    usage: Usage,
    *,
    requested_model: str | None = None,
    service_tier: str | None = None,
    speed: str | None = None,
    region: str | None = None,
    batch: bool = False,
    at: datetime | None = None,
) -> Receipt | Unpriced:
    """Price one call; never raises.

    Parameters
    ----------
    provider : str
        Who bills, by TokenBudget's names: ``openai``, ``azure``, ``google``, ``vertex``, ``bedrock``, …
    model, requested_model : str
        The model named in the response, and the one requested.
    usage : Usage
        Counts of tokens, tools and units.
    service_tier, speed, region : str, optional
        As the response (or request) states them.
    batch : bool
        Whether the call went through a batch API.
    at : datetime, optional
        When the call was made, time-zone aware; now by default.

    Returns
    -------
    Receipt or Unpriced
        Lines that add up exactly to the cost in US dollars, or the reason why there is no price.

    Examples
    --------
    >>> receipt = price("openai", "gpt-4o-mini-2024-07-18", Usage(input_tokens=1370, output_tokens=155))
    >>> [(line.part, line.quantity, line.price_key) for line in receipt.lines]
    [('input', Decimal('1370'), 'gpt-4o-mini-2024-07-18'), ('output', Decimal('155'), 'gpt-4o-mini-2024-07-18')]
    """
    try:
        pricer = default()
    except Exception as error:  # noqa: BLE001 (a price must never break the call it prices)
        return Unpriced(reason="error", detail=f"{type(error).__name__}: {error}")
    return pricer.price(
        provider,
        model,
        usage,
        requested_model=requested_model,
        service_tier=service_tier,
        speed=speed,
        region=region,
        batch=batch,
        at=at,
    )


def price_event(event: Event) -> Receipt | Unpriced:
    """Price an event as of when it occurred; never raises."""
    return price(
        event.provider,
        event.model,
        event.usage,
        requested_model=event.requested_model,
        service_tier=event.service_tier,
        speed=event.speed,
        region=event.region,
        batch=event.batch,
        at=event.occurred_at,
    )


def priced(event: Event) -> Event:
    """Return a copy of an event with its cost and price row, or the reason why it has none; never raises."""
    try:
        pricer = default()
    except Exception:  # noqa: BLE001 (a price must never break the call it prices)
        return replace(event, cost_usd=None, price_key=None, unpriced="error")
    return pricer.priced(event)
