"""The first user, project and key of a database."""

from __future__ import annotations

import getpass

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.dialects.postgresql import insert

from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.queries import free_slug, is_living
from tokenbudget_server.db.tables import api_keys, memberships, organisations, projects, teams, users
from tokenbudget_server.db.url import sqlalchemy_url

DEFAULT_PROJECT = "default"
_ORGANISATION = "default"
_TEAM = "default"
_EMAIL = "admin@localhost"


def ensure_first_key(url: str, known: str | None, project: str = DEFAULT_PROJECT) -> str:
    """Return a key that works, making user, project and key where they are missing.

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
            new = keys.make_key()
            insert_key(
                connection,
                ensure_project(connection, project),
                "first key",
                lookup=new.lookup,
                ending=new.ending,
                hash=new.hash,
            )
            return new.text
    finally:
        engine.dispose()


def ensure_project(connection: Connection, name: str, *, is_demo: bool = False) -> int:
    """Return the id of the first organisation's project of that name, making it where it is missing."""
    organisation_id = _ensure_organisation(connection)
    team = {"organisation_id": organisation_id, "name": _TEAM}
    connection.execute(insert(teams).values(team).on_conflict_do_nothing())
    team_id = connection.scalar(select(teams.c.id).filter_by(**team))
    project = {"organisation_id": organisation_id, "name": name}
    values = {**project, "team_id": team_id, "is_demo": is_demo, "slug": free_slug(connection, organisation_id, name)}
    connection.execute(insert(projects).values(values).on_conflict_do_nothing())
    project_id: int = connection.scalars(select(projects.c.id).filter_by(**project)).one()
    return project_id


def insert_key(connection: Connection, project_id: int, name: str, **values: object) -> int:
    """Make a key of the first user's for a project of the first organisation; give its number."""
    organisation_id = _ensure_organisation(connection)
    owner = {"organisation_id": organisation_id, "user_id": _ensure_owner(connection, organisation_id)}
    statement = insert(api_keys).values(name=name, project_id=project_id, **owner, **values).returning(api_keys.c.id)
    key_id: int = connection.scalars(statement).one()
    return key_id


def _ensure_organisation(connection: Connection) -> int:
    """Return the id of the first organisation, making it where there is none."""
    first = select(organisations.c.id).order_by(organisations.c.id).limit(1)
    if connection.scalar(first) is None:
        connection.execute(insert(organisations).values(name=_ORGANISATION).on_conflict_do_nothing())
    organisation_id: int = connection.scalars(first).one()
    return organisation_id


def _ensure_owner(connection: Connection, organisation_id: int) -> int:
    """Return the id of the first user, who owns the organisation, making it where it is missing."""
    values = {"email": _EMAIL, "name": _user_name()}
    connection.execute(insert(users).values(values).on_conflict_do_nothing())
    user_id: int = connection.scalars(select(users.c.id).where(users.c.email == _EMAIL)).one()
    member = {"organisation_id": organisation_id, "user_id": user_id, "role": "owner"}
    connection.execute(insert(memberships).values(member).on_conflict_do_nothing())
    return user_id


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a user who has no name.
        return "admin"


def _works(connection: Connection, text: str) -> bool:
    statement = select(api_keys.c.hash).where(api_keys.c.lookup == keys.lookup(text), is_living())
    return keys.is_key(text) and any(keys.matches(text, hash_) for hash_ in connection.scalars(statement))
