"""Real clients against a server on this machine; a fault of ours is a failure."""

import pytest

from tests.integration.capture.local_server import running
from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.testing import capture_events


@pytest.fixture(autouse=True)
def faults_are_failures(monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")
    seen_ids.forget()
    yield
    config.reset()


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured


@pytest.fixture
def server():
    with running() as local:
        yield local
