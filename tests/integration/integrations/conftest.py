import pytest

from tokenbudget.testing import capture_events


@pytest.fixture(autouse=True)
def faults_are_failures(monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_RAISE", "1")


@pytest.fixture
def events():
    with capture_events() as captured:
        yield captured
