"""``GET /v1/pricing``: the price book that events are priced with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import Parameter

from tokenbudget.pricing import Pricer
from tokenbudget_server.accounts.principal import Principal

_PAGE = 100
_LARGEST_PAGE = 1_000


class Price(msgspec.Struct):
    """The prices of one model that are in force now.

    Attributes
    ----------
    key : str
        Name of the row, as receipts and events state it.
    prices : dict
        US dollars per unit, exact.
    source : str
        Where they come from.
    effective_from : datetime or None
        Since when they hold; null is since ever.
    """

    key: str
    provider: str
    mode: str
    prices: dict[str, Any]
    source: str
    effective_from: datetime | None


class PricingPage(msgspec.Struct):
    """A page of the price book; `next` is the cursor of the page after it, null where there is none."""

    revision: str
    rows: list[Price]
    next: str | None


@get("/v1/pricing", tags=["pricing"], sync_to_thread=True)
def get_pricing(
    principal: Principal,  # noqa: ARG001 - whoever asks must have a key
    pricer: Pricer,
    search: str = "",
    cursor: str = "",
    limit: Annotated[int, Parameter(ge=1, le=_LARGEST_PAGE)] = _PAGE,
) -> PricingPage:
    """List prices by name; ``search`` is a part of the model's name."""
    book = pricer.book
    keys = sorted(key for key in book if search.lower() in key.lower() and key > cursor)
    rows = [row for key in keys[:limit] if (row := book.latest(key))]
    prices = [Price(row.key, row.provider, row.mode, row.fields(), row.source, row.effective_from) for row in rows]
    return PricingPage(book.revision, prices, keys[limit - 1] if len(keys) > limit else None)
