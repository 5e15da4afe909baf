"""The ledger a caller may read."""

from __future__ import annotations

from typing import Any

from litestar import Request

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.analytics.parameters import read_number
from tokenbudget_server.ledger import PostgresLedger
from tokenbudget_server.problems import ProblemError
from tokenbudget_server.settings import Settings

_LARGEST_ID = 2**63 - 1


async def visible_projects(request: Request[Any, Any, Any], principal: Principal, accounts: Accounts) -> list[int]:
    """Give the ids of the projects that the caller may see, or the one of them that ``project_id`` names.

    Raises
    ------
    ProblemError
        403 when ``project_id`` is not one of them.
    """
    ids = [project.id for project in await accounts.projects(principal)]
    wanted = read_number(request.query_params, "project_id", _LARGEST_ID)
    if wanted is None:
        return ids
    if wanted not in ids:
        raise ProblemError(403, f"there is no project {wanted} that your key may see")
    return [wanted]


async def provide_source(settings: Settings, project_ids: list[int]) -> PostgresLedger:
    """Give what analytics reads."""
    return PostgresLedger(settings.database, project_ids, settings.ledger)
