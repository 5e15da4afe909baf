"""The ledger a caller may read."""

from __future__ import annotations

from tokenbudget_server.ledger import PostgresLedger
from tokenbudget_server.ledger.memory_budget import MemoryBudget
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.scope import Scope


async def provide_source(settings: Settings, question_scope: Scope, memory: MemoryBudget) -> PostgresLedger:
    """Return what analytics reads."""
    return PostgresLedger(settings.database, question_scope.project_ids, settings.ledger, memory)
