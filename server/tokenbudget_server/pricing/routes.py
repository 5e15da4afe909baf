"""``GET /v1/pricing``: the price book that events are priced with; ``POST /api/reprice``: price them again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import Parameter

from tokenbudget.analytics import answers
from tokenbudget.core import period as periods
from tokenbudget.core.period import Period
from tokenbudget.pricing import Pricer
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.pricing.repricing import reprice
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.openapi_descriptions import problems
from tokenbudget_server.web.scope import Scope

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


class RepriceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls to price again, and whether only to tell what would change."""

    period: str = "30d"
    tz: str = "UTC"
    dry_run: bool = True


class RepricedModel(msgspec.Struct, kw_only=True):
    """What pricing the calls of a model again changes.

    Attributes
    ----------
    requests, changed, newly_priced, unpriced : int
        Calls: all, those that change, those that had no price and get one, those whose cost stays unknown.
    old_cost_usd, new_cost_usd : Decimal or None
        US dollars; null where no call is priced.
    difference_usd : Decimal
    """

    provider: str
    model: str
    requests: int
    changed: int
    newly_priced: int
    unpriced: int
    old_cost_usd: Decimal | None
    new_cost_usd: Decimal | None
    difference_usd: Decimal


class RepriceAnswer(msgspec.Struct):
    """What changes, or has changed, by model: the largest difference first."""

    period: Period
    dry_run: bool
    rows: list[RepricedModel]


@post("/api/reprice", status_code=200, responses=problems(409), sync_to_thread=True, tags=["pricing"])
def post_reprice(data: RepriceRequest, question_scope: Scope, pricer: Pricer, settings: Settings) -> RepriceAnswer:
    """Price a period's events again, as of when they occurred, by the prices known now.

    An API key reprices the projects it sees: its own, or, where its account is the admin's, all of them (one with
    ``?project_id=``).  The figures come from the server's prices alone, so that there is nothing to be forged.  The
    provider's own bill and prices that only the client knows stay.  Sums follow in the same transaction.
    """
    period = periods.parse(data.period, datetime.now(UTC), data.tz)
    rows = reprice(settings.database, question_scope, period, pricer, dry_run=data.dry_run).to_dicts()
    return {"period": answers.period(period), "dry_run": data.dry_run, "rows": rows}  # type: ignore[return-value]
