"""The server's price of an event."""

from __future__ import annotations

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.pricing import Pricer
from tokenbudget.pricing.repricing import NOT_IN_THE_BOOK


def repriced(event: Event, pricer: Pricer) -> Event:
    """Price an event with the server's price book, as of when it occurred.

    What the book does not know but the client does (a deployment's own name, a negotiated price) keeps the client's
    figure and price key: it is a stated price, not a guess.
    """
    ours = pricer.priced(event)
    if ours.cost_usd is None and ours.unpriced in NOT_IN_THE_BOOK and event.cost_usd is not None and event.price_key:
        return msgspec.structs.replace(event, unpriced=None)
    return ours
