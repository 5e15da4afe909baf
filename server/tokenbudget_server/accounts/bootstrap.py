"""The first user, project and key of a database."""

from __future__ import annotations

import getpass

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.dialects.postgresql import insert

from tokenbudget_server.accounts import keys
from tokenbudget_server.store.tables import api_keys, projects, teams, users
from tokenbudget_server.store.url import sqlalchemy_url

DEFAULT_PROJECT = "default"
_TEAM = "default"
_EMAIL = "admin@localhost"


def ensure_first_key(url: str, known: str | None, project: str = DEFAULT_PROJECT) -> str:
    """Give a key that works, making user, project and key where they are missing.

    Parameters
    ----------
    url : str
        The database, migrated.
    known : str or None
        A key from an earlier start; it is given back if it still works.
    project : str
        Name of the project the key is for.

    Returns
    -------
    str
        ``tb_ak_…``
    """
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.begin() as connection:
            if known is not None and _works(connection, known):
                return known
            project_id = ensure_project(connection, project)
            user_id = ensure_admin(connection)
            new = keys.make_key()
            values = {"lookup": new.lookup, "hash": new.hash, "name": "first key"}
            connection.execute(insert(api_keys).values(**values, project_id=project_id, user_id=user_id))
            return new.text
    finally:
        engine.dispose()


def ensure_project(connection: Connection, name: str, *, is_demo: bool = False) -> int:
    """Give the id of the project of that name, making it where it is missing."""
    connection.execute(insert(teams).values(name=_TEAM).on_conflict_do_nothing())
    team_id = connection.scalar(select(teams.c.id).where(teams.c.name == _TEAM))
    values = {"name": name, "team_id": team_id, "is_demo": is_demo}
    connection.execute(insert(projects).values(**values).on_conflict_do_nothing())
    project_id: int = connection.scalars(select(projects.c.id).where(projects.c.name == name)).one()
    return project_id


def ensure_admin(connection: Connection) -> int:
    """Give the id of the first user, who may do everything, making it where it is missing."""
    values = {"email": _EMAIL, "name": _user_name(), "is_admin": True}
    connection.execute(insert(users).values(**values).on_conflict_do_nothing())
    user_id: int = connection.scalars(select(users.c.id).where(users.c.email == _EMAIL)).one()
    return user_id


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a user who has no name.
        return "admin"


def _works(connection: Connection, text: str) -> bool:
    statement = select(api_keys.c.hash).where(api_keys.c.lookup == keys.lookup(text), api_keys.c.revoked_at.is_(None))
    return keys.is_key(text) and any(keys.matches(text, hash_) for hash_ in connection.scalars(statement))
