"""Create and drop databases of a running server."""

from __future__ import annotations

import psycopg
from psycopg import sql


def create_database(url: str, name: str, template: str | None = None) -> None:
    """Create the database `name`, as a copy of `template` if one is given.

    Nobody may be connected to the template meanwhile.

    Raises
    ------
    psycopg.errors.DuplicateDatabase
        It exists already.
    """
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _execute(url, statement.format(sql.Identifier(name), sql.Identifier(template or "template1")))


def drop_database(url: str, name: str) -> None:
    """Drop the database `name` if it exists, closing the connections to it."""
    _execute(url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
