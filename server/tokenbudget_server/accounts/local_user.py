"""Nobody signs in: with ``TOKENBUDGET_AUTH=none``, whoever is on this machine is the first owner.

A page of another site may have the browser send requests to this machine, too, also under a name of its own that it
lets point here.  Neither of these is taken for the user.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.accounts.cookies import refuse_foreign
from tokenbudget_server.accounts.principal import Principal, Role, Session
from tokenbudget_server.db.tables import memberships
from tokenbudget_server.settings import LOOPBACK
from tokenbudget_server.web.problems import ProblemError

_OWN_PAGES = frozenset({"same-origin", "none"})
_LOCAL = "local"


async def find_local_user(request: Request[Any, Any, Any], engine: AsyncEngine) -> Principal:
    """Return who a request is of, that has no credential.

    Raises
    ------
    ProblemError
        403 for one that a page of another site may have made, 401 where there is no user yet.
    """
    refuse_foreign(request, needs_origin=False)
    is_own = request.headers.get("sec-fetch-site", "none") in _OWN_PAGES
    if not is_own or urlsplit(f"//{request.headers.get('host', '')}").hostname not in LOOPBACK:
        raise ProblemError(403, "with TOKENBUDGET_AUTH=none, only this machine is answered: open http://127.0.0.1")
    owner = select(memberships.c.user_id, memberships.c.organisation_id).where(memberships.c.role == Role.OWNER)
    first = owner.order_by(memberships.c.organisation_id, memberships.c.user_id).limit(1)
    async with engine.connect() as connection:
        row = (await connection.execute(first)).one_or_none()
    if row is None:
        raise ProblemError(401, "there is no user yet: `tokenbudget up` makes the first one")
    return Principal(row.user_id, row.organisation_id, Role.OWNER, (), Session(_LOCAL))
