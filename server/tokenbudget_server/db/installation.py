"""What tells this installation from others: those that share its Redis, and copies of its database."""

from __future__ import annotations

from uuid import uuid5

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.db.tables import installation

_DATABASE = text("""
SELECT oid::bigint AS database, has_function_privilege('pg_control_system()', 'execute') AS asks
FROM pg_database WHERE datname = current_database()
""")
_CLUSTER = text("SELECT system_identifier FROM pg_control_system()")


async def installation_id(engine: AsyncEngine) -> str:
    """Return the installation's id: of the id in the database, and of where that database is.

    A dump that is restored elsewhere, or a database that is made of another as its template, is an installation of its
    own; a replica that takes over is the same one.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        If the database does not answer.
    """
    async with engine.connect() as connection:
        kept = (await connection.execute(select(installation.c.id))).scalar_one()
        database, asks = (await connection.execute(_DATABASE)).one()
        cluster = (await connection.execute(_CLUSTER)).scalar_one() if asks else None
    return str(uuid5(kept, f"{cluster}/{database}"))
