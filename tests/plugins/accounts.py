"""Organisations, projects, people and keys, put into a database past the server."""

from __future__ import annotations

import psycopg

_PROJECT = """
WITH o AS (
    INSERT INTO organisations (name) VALUES (%(organisation)s)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
), t AS (
    INSERT INTO teams (organisation_id, name) SELECT id, %(team)s FROM o
    ON CONFLICT (organisation_id, name) DO UPDATE SET name = excluded.name RETURNING id, organisation_id
)
INSERT INTO projects (organisation_id, team_id, name, is_demo) SELECT organisation_id, id, %(name)s, %(is_demo)s FROM t
ON CONFLICT (organisation_id, name) DO UPDATE SET name = excluded.name RETURNING id
"""
_MEMBER = """
WITH o AS (
    INSERT INTO organisations (name) VALUES (%(organisation)s)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
), u AS (
    INSERT INTO users (email, name) VALUES (%(email)s, %(name)s)
    ON CONFLICT (email) DO UPDATE SET name = excluded.name RETURNING id
)
INSERT INTO memberships (organisation_id, user_id, role) SELECT o.id, u.id, %(role)s FROM o, u
ON CONFLICT (organisation_id, user_id) DO UPDATE SET role = excluded.role RETURNING user_id
"""
_KEY = """
INSERT INTO api_keys (organisation_id, project_id, user_id, name, lookup, hash)
SELECT organisation_id, id, %(user_id)s, %(name)s, %(lookup)s, %(hash)s FROM projects WHERE id = %(project_id)s
RETURNING id
"""


def make_project(
    url: str, name: str, *, organisation: str = "default", team: str = "default", is_demo: bool = False
) -> int:
    """Make a project, with its team and organisation where they are missing; gives its id."""
    return _id(url, _PROJECT, organisation=organisation, team=team, name=name, is_demo=is_demo)


def make_member(
    url: str, name: str, *, email: str | None = None, role: str = "member", organisation: str = "default"
) -> int:
    """Make a user, who has a role in an organisation; gives the user's id."""
    return _id(url, _MEMBER, organisation=organisation, email=email or f"{name}@example.org", name=name, role=role)


def make_key(url: str, project_id: int, user_id: int, name: str = "key", scopes: list[str] | None = None) -> str:
    """Make a key of a user's for a project, with all scopes or these; gives its text."""
    from tokenbudget_server.accounts import keys

    made = keys.make_key()
    id_ = _id(url, _KEY, project_id=project_id, user_id=user_id, name=name, lookup=made.lookup, hash=made.hash)
    if scopes is not None:
        _id(url, "UPDATE api_keys SET scopes = %(scopes)s WHERE id = %(id)s RETURNING id", scopes=scopes, id=id_)
    return made.text


def _id(url: str, statement: str, **values: object) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(statement, values).fetchone()[0]
