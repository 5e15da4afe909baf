"""Who asks, read from the ``Authorization`` header."""

from __future__ import annotations

from typing import Any

from litestar import Request

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.web.problems import ProblemError

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="TokenBudget"'}


async def provide_principal(request: Request[Any, Any, Any], accounts: Accounts) -> Principal:
    """Give the holder of the request's API key.

    Raises
    ------
    ProblemError
        401 when there is no key or it is not valid.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise ProblemError(401, "send your API key: Authorization: Bearer tb_ak_…", headers=_CHALLENGE)
    if principal := await accounts.authenticate(text.strip()):
        return principal
    raise ProblemError(401, "the API key is not valid, or was revoked: make another one", headers=_CHALLENGE)
