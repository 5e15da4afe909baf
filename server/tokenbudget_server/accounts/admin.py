"""Who runs the installation: the routes that ask for the header ``X-Admin-Key``."""

from __future__ import annotations

import hmac
from typing import Any

from litestar import Request

from tokenbudget_server.settings import Settings
from tokenbudget_server.web.client_address import address_of
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Scope, installation_scope


async def provide_admin(request: Request[Any, Any, Any], settings: Settings) -> Scope:
    """Check the request's admin key; return what it opens: the whole installation, and no organisation's data.

    Raises
    ------
    ProblemError
        403 when the server has none, or the request has another or none.
    """
    if settings.admin_key is None:
        raise ProblemError(403, "this route is closed: start the server with TOKENBUDGET_ADMIN_KEY set to open it")
    given = request.headers.get("x-admin-key", "")
    if not hmac.compare_digest(given.encode(), settings.admin_key.encode()):
        said = "the header X-Admin-Key is not the server's TOKENBUDGET_ADMIN_KEY" if given else "send X-Admin-Key"
        raise ProblemError(403, said)
    return installation_scope(address_of(request))
