"""A server that lets a key ask rarely: everything still arrives, later."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.host import Host, delivered
from tests.faults.network import Network
from tests.plugins.ports import free_port
from tokenbudget.transport import backoff, shipper


@pytest.fixture
def limited_network(stand, tmp_path):
    """A network before another server on the same database, which lets a key ask once a second."""
    from tokenbudget_server.launch.child import Child

    port = free_port()
    environment = {
        "TOKENBUDGET_DATABASE_URL": stand.database,
        "TOKENBUDGET_REDIS_URL": stand.redis.connection_url,
        "TOKENBUDGET_HOME": str(tmp_path / "server"),
        "TOKENBUDGET_RATE_LIMIT": "1/s",
    }
    Path(environment["TOKENBUDGET_HOME"]).mkdir()
    api = Child(
        "the API", "tokenbudget_server.launch.api", ["127.0.0.1", str(port), "2"], environment, tmp_path / "log"
    )
    try:
        api.wait_until_serving("127.0.0.1", port, "/health/ready", 60)
        network = Network(port)
        yield network
        network.down()
    finally:
        api.stop()


def test_a_key_that_asks_too_often_loses_nothing(client, limited_network, evidence, monkeypatch):
    monkeypatch.setattr(shipper, "LINGER_SECONDS", 0.05)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.05)
    host = Host(replace(client, url=limited_network.url))
    try:
        host.record(1_600)  # More batches than a second lets through.
        assert delivered(host, evidence)
    finally:
        host.shipper.close(10)
    assert set(limited_network.answers) == {202, 429}
