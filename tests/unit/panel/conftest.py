import pytest

from tests.unit.ledger.generate import FrameSource
from tokenbudget import config
from tokenbudget.notebook.backend import LocalAnswers
from tokenbudget.recording import recorder
from tokenbudget_panel import answers as desks


@pytest.fixture
def home(tmp_path):
    """A TokenBudget home of this test's own, in local mode."""
    config.configure(home=tmp_path)
    yield tmp_path
    recorder.shutdown()
    config.reset()


@pytest.fixture
def snap(monkeypatch):
    """Return a function that takes a snapshot of given events."""

    def take(events, view):
        monkeypatch.setattr(desks, "answers", lambda: LocalAnswers(FrameSource(events)))
        taken = desks.Desk().look(view)
        assert isinstance(taken, desks.Snapshot), taken
        return taken

    return take
