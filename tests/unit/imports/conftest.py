from datetime import UTC, datetime

import pytest

from tokenbudget import config
from tokenbudget.capture import seen_ids
from tokenbudget.imports.importing import Options, run
from tokenbudget.ledger.local import LocalSource
from tokenbudget.recording import recorder

FOLDERS = {"claude-code": "claude/projects/-home-ada-shop", "codex": "codex/sessions/2026/10/05"}


class Machine:
    """A user's home directory, with agents' transcripts and TokenBudget's home in it."""

    def __init__(self, home) -> None:
        self.home = home
        self.ours = home / "tokenbudget"

    def folder(self, agent):
        return self.home / FOLDERS[agent]

    def run(self, agents="all", **options):
        return run(agents, Options(**options))

    def events(self):
        """Return all events, by id: what answers are made of."""
        recorder.flush()
        frame = LocalSource(self.ours).scan(*EVER).collect()
        return frame.sort("occurred_at", "id").to_dicts()

    def sums(self):
        """Return calls, tokens in and out, and picodollars."""
        found = self.events()
        return (
            len(found),
            sum(row["input_tokens"] or 0 for row in found),
            sum(row["output_tokens"] or 0 for row in found),
            sum(row["cost_pico"] or 0 for row in found),
        )


EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def make_machine(tmp_path, monkeypatch):
    """Make users' homes; the one made last is this process'."""
    made = []

    def make():
        home = tmp_path / f"home{len(made)}"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "claude"))
        monkeypatch.setenv("CODEX_HOME", str(home / "codex"))
        monkeypatch.setenv("GEMINI_CLI_HOME", str(home))
        monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
        config.configure(home=home / "tokenbudget")
        made.append(Machine(home))
        return made[-1]

    seen_ids.forget()
    yield make
    recorder.shutdown()
    config.reset()


@pytest.fixture
def machine(make_machine):
    return make_machine()
