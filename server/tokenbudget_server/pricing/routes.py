"""``GET /v1/pricing``: the price book that events are priced with; ``POST /api/reprice``: price them again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from litestar import Request, get, post

from tokenbudget.analytics import answers
from tokenbudget.core import period as periods
from tokenbudget.core.period import Period
from tokenbudget.pricing import PriceBook, Pricer, PriceRow
from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.pricing.repricing import reprice
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.cancellation import run_for
from tokenbudget_server.web.pagination import DEFAULT_PAGE, Keyset, Page, PageCursor, PageSize
from tokenbudget_server.web.pools import Pools
from tokenbudget_server.web.scope import Scope

_BOOK: Keyset[PriceRow, tuple[str]] = Keyset("pricing", tuple[str], lambda row: (row.key,))


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

    @classmethod
    def of(cls, row: PriceRow) -> Price:
        """Show a row of the book."""
        return cls(row.key, row.provider, row.mode, row.fields(), row.source, row.effective_from)


class PricingPage(Page[Price], frozen=True, kw_only=True):
    """A page of the price book of a revision."""

    rows: list[Price]  # Once more, as the OpenAPI document does not see what an inherited field is made of.
    revision: str


@get("/v1/pricing", needs="read", tags=["pricing"])
async def get_pricing(
    principal: Principal,  # noqa: ARG001 - callers must have a key
    pricer: Pricer,
    pools: Pools,
    search: str = "",
    cursor: PageCursor = None,
    limit: PageSize = DEFAULT_PAGE,
) -> PricingPage:
    """List prices by name; ``search`` is a part of the model's name."""
    return await pools.pricing.run(partial(_list_prices, pricer.book, search.lower(), cursor, limit))


def _list_prices(book: PriceBook, search: str, cursor: str | None, limit: int) -> PricingPage:
    named = (row for key in book if search in key.lower() and (row := book.latest(key)))
    page = _BOOK.page(_BOOK.after(named, cursor), limit, Price.of)
    return PricingPage(revision=book.revision, rows=page.rows, next=page.next)


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


@post("/api/reprice", needs="admin", status_code=200, problems=(409,), tags=["pricing"])
async def post_reprice(
    request: Request[Any, Any, Any],
    data: RepriceRequest,
    question_scope: Scope,
    pricer: Pricer,
    settings: Settings,
    pools: Pools,
) -> RepriceAnswer:
    """Price a period's events again, as of when they occurred, by the prices known now.

    An API key reprices the projects that it sees, or the one of them that ``?project_id=`` names.  The figures come
    from the server's prices alone, so that there is nothing to be forged.  The provider's own bill and prices that only
    the client knows stay.  Sums follow in the same transaction.  What only tells ends when the client hangs up; what
    changes goes on.
    """
    period = periods.parse(data.period, datetime.now(UTC), data.tz)
    work = partial(reprice, settings.database, question_scope, period, pricer, dry_run=data.dry_run)
    caller = question_scope.actor.id
    if data.dry_run:
        found = await run_for(request, pools.repricing.run, work, caller=caller, seconds=None)
    else:
        found = await pools.repricing.run(work, caller=caller)
    return {"period": answers.period(period), "dry_run": data.dry_run, "rows": found.to_dicts()}  # type: ignore[return-value]
