"""What is attacked: the application of the server's tests, or a running server."""

import pytest

from tests.attacks.asking import Attacker
from tests.integration.server.conftest import client, headers, key, quick_keys, settings, sql

__all__ = ["client", "headers", "key", "quick_keys", "settings", "sql"]


@pytest.fixture(scope="session")
def attacker(attacked_project):
    return Attacker(attacked_project)


@pytest.fixture
def quiet_log(attacked_project):
    """Nothing that a client does may write a stack into the log, nor a long line."""
    before = attacked_project.log.stat().st_size
    yield
    with attacked_project.log.open("rb") as log:
        log.seek(before)
        said = log.read()
    assert b"Traceback" not in said, said[-4_000:].decode()
    assert max(map(len, said.splitlines()), default=0) < 1_000
