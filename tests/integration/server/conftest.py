"""An application on a database of its own, and what it is asked with."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from litestar.testing import TestClient
from sqlalchemy import create_engine

from tokenbudget.core.ids import uuid7
from tokenbudget_server.accounts import keys
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings
from tokenbudget_server.store import maintenance
from tokenbudget_server.store.migrate import MIGRATIONS
from tokenbudget_server.store.url import sqlalchemy_url

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    """Hash keys with the fewest rounds that bcrypt takes."""
    monkeypatch.setattr(keys, "_ROUNDS", 4)


@pytest.fixture
def settings(postgres_url, tmp_path):
    return Settings(home=tmp_path, database_url=postgres_url, admin_key="the admin's")


@pytest.fixture
def key(postgres_url):
    return ensure_first_key(postgres_url, None)


@pytest.fixture
def headers(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def client(settings, headers):
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.headers.update(headers)
        yield client


@pytest.fixture
def sql(postgres_url):
    """Ask the database: the rows of a statement, or None where it has none."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        def ask(statement, *values):
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

        yield ask


@pytest.fixture
def maintain():
    """Maintain the tables of a database as of a time."""

    def run(url, retention, now):
        engine = create_engine(sqlalchemy_url(url))
        with engine.connect() as connection:
            maintenance.maintain(connection, retention, now)
        engine.dispose()

    return run


@pytest.fixture
def upgrade():
    """Bring a database up to a revision, and no further."""

    def run(url, revision):
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        engine = create_engine(sqlalchemy_url(url))
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
        engine.dispose()

    return run


@pytest.fixture
def make_event():
    """Make the JSON of an event; keywords replace or add fields."""
    return event


@pytest.fixture
def post(client):
    """Send a batch and give the answer's JSON, which must be a receipt."""

    def send(*events):
        response = client.post("/v1/events/batch", content=json.dumps({"events": events}))
        assert response.status_code == 202, response.text
        return response.json()

    return send


def event(**fields):
    known = {
        "id": uuid7(),
        "occurred_at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
        "provider": "openai",
        "model": "gpt-4o-mini-2024-07-18",
        "usage": {"input_tokens": 1000, "output_tokens": 200},
    }
    return {name: value for name, value in (known | fields).items() if value is not ...}
