"""A running TokenBudget server: granian in a process of its own, on a real Postgres, with a project per test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.accounts import make_key, make_member, make_project
from tests.plugins.ports import free_port

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60
ADMIN_KEY = "the admin's of the running server"


@dataclass(frozen=True)
class Project:
    """A project of its own on the running server.

    Attributes
    ----------
    url, database : str
        Of the server, and of its Postgres (for psycopg).
    log : Path
        What the server says.
    name, key : str
        Of the project.
    """

    url: str
    database: str
    log: Path
    name: str
    key: str

    def code(self) -> str:
        """Make a one-time code that signs a browser in."""
        import httpx

        answer = httpx.post(f"{self.url}/api/sessions/codes", headers=self.headers)
        answer.raise_for_status()
        return answer.json()["code"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="session")
def _server(postgres_server, template_database, tmp_path_factory):
    from tokenbudget_server.launch.child import Child

    home = tmp_path_factory.mktemp("server")
    database = postgres_server.create_database("running_server", template=template_database)
    port = free_port()
    environment = {
        "TOKENBUDGET_DATABASE_URL": database,
        "TOKENBUDGET_HOME": str(home),
        "TOKENBUDGET_ADMIN_KEY": ADMIN_KEY,
        "TOKENBUDGET_ADDRESS_LIMIT": "off",  # All attackers of a run come from one.
        "TOKENBUDGET_PRICE_URL": "http://127.0.0.1:9/nothing",
    }
    child = Child("the API", "tokenbudget_server.launch.api", [HOST, str(port), "1"], environment, home / "api.log")
    try:
        child.wait_until_serving(HOST, port, "/health", PATIENCE_SECONDS)
        yield f"http://{HOST}:{port}", database, home / "api.log"
    finally:
        child.stop()
        postgres_server.drop_database("running_server")


@pytest.fixture
def running_server(_server):
    """Make a project: ``running_server("its name")`` gives a `Project`, whose key sees nothing but it."""
    return lambda name: add_project(_server, name)


@pytest.fixture(scope="session")
def attacked_project(_server):
    """Make a project for all attacks of a run, as nothing is asked of its figures; its key is an owner's."""
    return add_project(_server, "attacked", role="owner")


def add_project(server, name, role="member"):
    from tokenbudget_server.db.url import psycopg_url

    url, database, log = server[0], psycopg_url(server[1]), server[2]
    # A member's, as an owner sees every project: those of other tests, too.
    key = make_key(database, make_project(database, name), make_member(database, name, role=role))
    return Project(url, database, log, name, key)
