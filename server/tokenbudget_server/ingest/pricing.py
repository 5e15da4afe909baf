"""The server's price of an event."""

from __future__ import annotations

from tokenbudget.core.event import Event
from tokenbudget.core.money import to_pico
from tokenbudget.pricing import Pricer
from tokenbudget.pricing.engine.reprice import NOT_IN_THE_BOOK
from tokenbudget_server.store.rows import Cost


def cost_of(event: Event, pricer: Pricer) -> Cost:
    """Price an event with the server's price book, as of when it occurred.

    What the book does not know but the client does (a deployment's own name, a negotiated price) keeps the client's
    figure and price key: it is a stated price, not a guess.
    """
    if event.billing != "subscription" and (quick := pricer.token_cost(event)) is not None:
        return Cost(*quick, None)
    ours = pricer.priced(event)
    if ours.cost_usd is not None:
        return _cost(ours)
    if ours.unpriced in NOT_IN_THE_BOOK and event.cost_usd is not None and event.price_key:
        return _cost(event)
    return Cost(None, None, ours.unpriced)


def _cost(priced: Event) -> Cost:
    cost, list_cost = priced.cost_usd, priced.list_cost_usd
    return Cost(
        None if cost is None else to_pico(cost),
        priced.price_key,
        None,
        None if list_cost is None else to_pico(list_cost),
    )
