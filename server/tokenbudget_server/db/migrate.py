"""Bring a database to the present schema."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tokenbudget_server.db.locks import MIGRATION
from tokenbudget_server.db.partitions import ensure_partitions
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.pricing.seed import seed
from tokenbudget_server.web.errors import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Apply the migrations that are missing, feed in the bundled prices, make the partitions of the coming months.

    Several replicas may do so at once: an advisory lock lets one work while the others wait, and then find it done.

    Parameters
    ----------
    url : str
        ``postgresql://…``

    Raises
    ------
    SettingsError
        If `url` is not the address of a Postgres.
    StoreUnavailableError
        If the database does not answer.
    """
    # The command line imports this package and must start at once.
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            _migrate_alone(connection)
    except OperationalError as error:
        reason = str(error.orig).strip()  # Without SQLAlchemy's advice, which is for programmers.
        raise StoreUnavailableError(f"the database does not answer: {reason}") from error
    finally:
        engine.dispose()


def _migrate_alone(connection: Connection) -> None:
    from sqlalchemy import text

    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION})
    connection.commit()  # The lock is the session's, not the transaction's.
    try:
        _upgrade(connection)
        seed(connection)
        ensure_partitions(connection, datetime.now(UTC))
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION})
        connection.commit()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
