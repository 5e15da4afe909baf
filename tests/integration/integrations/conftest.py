import pytest

from tokenbudget.capture import seen_ids
from tokenbudget.testing import capture_events


@pytest.fixture(autouse=True)
def faults_are_failures(monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")


@pytest.fixture(autouse=True)
def nothing_seen_yet():
    """Forget the ids of other tests' responses: they are alike."""
    seen_ids.forget()


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured
