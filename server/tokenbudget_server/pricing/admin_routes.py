"""Routes that look after prices: sync, changes, prices of this installation's own."""

from __future__ import annotations

import msgspec
from litestar import delete, get, post
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.pricing.changes import Change, list_changes
from tokenbudget_server.pricing.overrides import OwnPrice, OwnPrices, StoredPrice
from tokenbudget_server.pricing.sync import PriceSync, Synced
from tokenbudget_server.web.authorization import ADMIN_KEY
from tokenbudget_server.web.pagination import DEFAULT_PAGE, Page, PageCursor, PageSize
from tokenbudget_server.web.scope import Scope


class SyncRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of models whose prices may move more than tenfold; ``*`` for all."""

    confirm: list[str] = []


@post("/api/admin/sync-pricing", needs=ADMIN_KEY, status_code=200, tags=["pricing"])
async def post_sync_pricing(
    admin: Scope,
    price_sync: PriceSync,
    data: SyncRequest | None = None,
) -> Synced:
    """Fetch the price table from ``TOKENBUDGET_PRICE_URL`` and append what changed; 502 changes nothing."""
    return await price_sync.sync(data.confirm if data else (), admin)


@get("/api/price-changes", needs="read", tags=["pricing"])
async def get_price_changes(
    principal: Principal,  # noqa: ARG001 - callers must have a key
    engine: AsyncEngine,
    since: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    cursor: PageCursor = None,
    limit: PageSize = DEFAULT_PAGE,
) -> Page[Change]:
    """List what newer price tables changed, newest first, page by page."""
    return await list_changes(engine, limit=limit, since=since, provider=provider, model=model, cursor=cursor)


@get("/api/price-overrides", needs="read", tags=["pricing"])
async def get_price_overrides(
    principal: Principal,  # noqa: ARG001 - callers must have a key
    own_prices: OwnPrices,
    cursor: PageCursor = None,
    limit: PageSize = DEFAULT_PAGE,
) -> Page[StoredPrice]:
    """List the prices of this installation's own, in the order in which they were set, page by page."""
    return await own_prices.list(limit, cursor)


@post("/api/admin/price-overrides", needs=ADMIN_KEY, tags=["pricing"])
async def post_price_override(admin: Scope, own_prices: OwnPrices, data: OwnPrice) -> StoredPrice:
    """Set what is paid for a model; events that come in from now on are priced by it, as of when they occurred."""
    return await own_prices.set(admin, data)


@delete("/api/admin/price-overrides", needs=ADMIN_KEY, status_code=200, tags=["pricing"])
async def delete_price_override(
    admin: Scope,
    own_prices: OwnPrices,
    provider: str,
    model: str,
    effective_from: str | None = None,
) -> StoredPrice:
    """Go back to the table's price from a date on (since ever by default); nothing is deleted."""
    return await own_prices.end(admin, provider, model, effective_from)
