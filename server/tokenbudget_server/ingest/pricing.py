"""The server's price of an event."""

from __future__ import annotations

import msgspec

from tokenbudget import pricing
from tokenbudget.core.event import Event

_NOT_IN_THE_BOOK = {"unknown_model", "no_price"}


def repriced(event: Event) -> Event:
    """Price an event with the server's price book.

    What the book does not know but the client does (a deployment's own name, a negotiated price) keeps the client's
    figure and price key: it is a stated price, not a guess.
    """
    ours = pricing.priced(event)
    if ours.cost_usd is None and ours.unpriced in _NOT_IN_THE_BOOK and event.cost_usd is not None and event.price_key:
        return msgspec.structs.replace(event, unpriced=None)
    return ours
