"""A TokenBudget server as it runs: its own process, on a real Postgres."""

import socket
from dataclasses import dataclass

import pytest

from tokenbudget import config
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.launch.child import Child


@dataclass(frozen=True)
class Served:
    url: str
    api_key: str
    database: str


@pytest.fixture(scope="module")
def served(postgres_server, template_database, tmp_path_factory):
    database = postgres_server.create_database("parity", template=template_database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"TOKENBUDGET_DATABASE_URL": database, "TOKENBUDGET_HOME": str(tmp_path_factory.mktemp("server"))}
    log = tmp_path_factory.mktemp("log") / "api.log"
    child = Child("api", "tokenbudget_server.launch.api", ["127.0.0.1", str(port), "1"], environment, log)
    try:
        child.wait_until_serving("127.0.0.1", port, "/health", 60)
        yield Served(f"http://127.0.0.1:{port}", ensure_first_key(database, None), database)
    finally:
        child.stop()
        postgres_server.drop_database("parity")


@pytest.fixture(autouse=True)
def _own_settings():
    yield
    config.reset()
