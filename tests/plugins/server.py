"""A running TokenBudget server: granian in a process of its own, on a real Postgres, with a project per test."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from tests.plugins.ports import free_port

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60
# The first key is an admin's, who sees every project: those of other tests, too.
_TO_A_MEMBER = """
WITH member AS (
    INSERT INTO users (email, name) VALUES (%(name)s, %(name)s)
    ON CONFLICT (email) DO UPDATE SET name = excluded.name RETURNING id
)
UPDATE api_keys SET user_id = (SELECT id FROM member)
WHERE project_id = (SELECT id FROM projects WHERE name = %(name)s)
"""


@dataclass(frozen=True)
class Project:
    """A project of its own on the running server.

    Attributes
    ----------
    url, database : str
        Of the server, and of its Postgres (for psycopg).
    name, key : str
        Of the project.
    """

    url: str
    database: str
    name: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="session")
def _server(postgres_server, template_database, tmp_path_factory):
    from tokenbudget_server.launch.child import Child

    home = tmp_path_factory.mktemp("server")
    database = postgres_server.create_database("running_server", template=template_database)
    port = free_port()
    environment = {"TOKENBUDGET_DATABASE_URL": database, "TOKENBUDGET_HOME": str(home)}
    child = Child("the API", "tokenbudget_server.launch.api", [HOST, str(port), "1"], environment, home / "api.log")
    try:
        child.wait_until_serving(HOST, port, "/health", PATIENCE_SECONDS)
        yield f"http://{HOST}:{port}", database
    finally:
        child.stop()
        postgres_server.drop_database("running_server")


@pytest.fixture
def running_server(_server):
    """Make a project: ``running_server("its name")`` gives a `Project`, whose key sees nothing but it."""
    from tokenbudget_server.accounts.bootstrap import ensure_first_key
    from tokenbudget_server.store.url import psycopg_url

    def project(name: str) -> Project:
        url, database = _server
        key = ensure_first_key(database, None, project=name)
        with psycopg.connect(psycopg_url(database)) as connection:
            connection.execute(_TO_A_MEMBER, {"name": name})
        return Project(url, psycopg_url(database), name, key)

    return project
