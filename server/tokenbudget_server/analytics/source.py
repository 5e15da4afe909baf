"""The ledger a caller may read."""

from __future__ import annotations

from typing import Any

from litestar import Request

from tokenbudget_server.accounts.principal import Principal, no_such_project
from tokenbudget_server.accounts.service import Accounts
from tokenbudget_server.analytics.parameters import LARGEST_ID, read_number
from tokenbudget_server.ledger import PostgresLedger
from tokenbudget_server.settings import Settings


async def visible_projects(request: Request[Any, Any, Any], principal: Principal, accounts: Accounts) -> list[int]:
    """Give the ids of the projects that the caller may see, or the one of them that the path or ``project_id`` names.

    Raises
    ------
    ProblemError
        404 or 403 when it is not one of them (`no_such_project`).
    """
    ids = [project.id for project in await accounts.projects(principal)]
    wanted = request.path_params.get("project_id") or read_number(request.query_params, "project_id", LARGEST_ID)
    if wanted is None:
        return ids
    if wanted not in ids:
        raise no_such_project(principal, wanted)
    return [wanted]


async def provide_source(settings: Settings, project_ids: list[int]) -> PostgresLedger:
    """Give what analytics reads."""
    return PostgresLedger(settings.database, project_ids, settings.ledger)
