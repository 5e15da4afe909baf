"""``/api/waitlist``."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post

from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.waitlist.schemas import Entry, Joined, JoinRequest
from tokenbudget_server.waitlist.service import Waitlist
from tokenbudget_server.web.authorization import ADMIN_KEY, OPEN
from tokenbudget_server.web.client_address import address_of, network_of
from tokenbudget_server.web.pagination import DEFAULT_PAGE, Page, PageCursor, PageSize
from tokenbudget_server.web.rates import Rate
from tokenbudget_server.web.scope import Scope, anonymous_scope

_JOINING = Rate("entries of the waitlist from one address", 10, 3_600)


@post("/api/waitlist", needs=OPEN, tags=["waitlist"], problems=(400, 429))
async def post_waitlist(
    request: Request[Any, Any, Any], data: JoinRequest, waitlist: Waitlist, rate_limits: RateLimits
) -> Joined:
    """Ask to hear of the product; asking again changes nothing."""
    address = address_of(request)
    await rate_limits.take(_JOINING, network_of(address))
    return await waitlist.join(anonymous_scope(address), data)


@get("/api/waitlist", needs=ADMIN_KEY, tags=["waitlist"])
async def get_waitlist(
    admin: Scope,  # noqa: ARG001 - callers must have the admin key
    waitlist: Waitlist,
    cursor: PageCursor = None,
    limit: PageSize = DEFAULT_PAGE,
) -> Page[Entry]:
    """List who asked, in the order in which they did, page by page; needs ``X-Admin-Key``."""
    return await waitlist.list(limit, cursor)
