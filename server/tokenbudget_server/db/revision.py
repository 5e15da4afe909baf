"""Whether a database has the schema that this version works with."""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenbudget_server.db.migrate import MIGRATIONS

_FILE = re.compile(r"(\d{4})_\w+\.py")


async def is_current(connection: AsyncConnection) -> bool:
    """Return whether all migrations were applied that this version knows.

    A schema that is newer is current, too: while replicas are replaced one by one, the old ones go on.
    """
    try:
        applied = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:  # There is no such table: nothing was applied.
        await connection.rollback()
        return False
    return applied is not None and applied >= _newest()


@cache
def _newest() -> str:
    """Return the last migration's revision: each is the number that its file's name begins with."""
    names = (_FILE.fullmatch(path.name) for path in (MIGRATIONS / "versions").iterdir())
    return max(name[1] for name in names if name)
