import threading

import pytest

import tokenbudget as tb
from tests.unit.panel.usage import record
from tokenbudget import config
from tokenbudget.core.errors import AuthError
from tokenbudget.recording import recorder
from tokenbudget_panel import answers as desks
from tokenbudget_panel.answers import Desk, Snapshot
from tokenbudget_panel.error_messages import Trouble
from tokenbudget_panel.page_state import View

LONG_AGO = -1e9


class Counting:
    """Counts how often answers are asked for, and may refuse them."""

    def __init__(self, monkeypatch):
        self.times = 0
        self.error = None
        self._real = desks.answers
        monkeypatch.setattr(desks, "answers", self)

    def __call__(self):
        self.times += 1
        if self.error:
            raise self.error
        return self._real()


@pytest.fixture
def asked(home, monkeypatch):
    return Counting(monkeypatch)


def test_those_who_ask_the_same_at_once_share_one_answer(asked):
    desk, outcomes = Desk(), []
    threads = [threading.Thread(target=lambda: outcomes.append(desk.look(View()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.times == 1
    assert len({id(outcome) for outcome in outcomes}) == 1


def test_an_answer_is_asked_for_again_when_it_is_old(asked, monkeypatch):
    desk = Desk()
    first = desk.look(View())
    assert desk.look(View()) is first
    desk.ask_again()
    assert desk.look(View()) is not first
    monkeypatch.setattr(desks, "FRESH_SECONDS", LONG_AGO)
    desk.look(View())
    assert asked.times == 3


def test_different_views_are_different_questions(asked):
    desk = Desk()
    shown = [desk.look(View(by=by)).query.by for by in ("model", "feature")]
    assert shown == [("model",), ("feature",)]


def test_what_is_kept_is_bounded(asked):
    desk = Desk(most_kept=2)
    for period in ("7d", "30d", "90d"):
        desk.look(View(period))
    assert desk.recall(View("7d")) is None
    assert desk.recall(View("90d")) is desk.look(View("90d"))


def test_an_error_becomes_words_and_is_got_over(asked, home):
    desk = Desk()
    asked.error = AuthError("the key tb_ak_1234… was revoked", 401)
    trouble = desk.look(View())
    assert isinstance(trouble, Trouble)
    assert str(home / "config.toml") in trouble.advice
    assert trouble.detail == "the key tb_ak_1234… was revoked"
    assert desk.recall(View()) is None
    asked.error = None
    desk.ask_again()
    assert isinstance(desk.look(View()), Snapshot)


def test_settings_put_right_are_found_without_a_restart(home):
    desk = Desk()
    (home / "config.toml").write_text(
        'url = "http://127.0.0.1:9"\napi_key = "tb_ak_00000000000000000000000000000000"\n'
    )
    config.configure()
    assert desk.look(View()).title == "The TokenBudget server does not answer"
    (home / "config.toml").unlink()
    desk.ask_again()
    assert desk.look(View()).source == "this machine's journal"


def test_settings_that_cannot_be_read_are_named(home):
    desk = Desk()
    (home / "config.toml").write_text("url = [")
    config.in_force = None
    trouble = desk.look(View())
    assert trouble.title == "The settings cannot be used"
    assert "config.toml" in trouble.detail


@pytest.mark.filterwarnings("ignore::tokenbudget.notebook.UnpricedWarning")
def test_the_answers_are_those_of_the_notebook(home):
    record(300)
    shown = Desk().look(View("90d", "feature", "Asia/Kolkata"))
    expected = tb.summary("90d", tz="Asia/Kolkata", backend="polars").row(0, named=True)
    assert {name: shown.current[name] for name in ("requests", "input_tokens", "errors", "unpriced")} == {
        name: expected[name] for name in ("requests", "input_tokens", "errors", "unpriced")
    }
    assert float(shown.current["cost_usd"]) == expected["cost_usd"]
    groups = tb.by("feature", "90d", tz="Asia/Kolkata", backend="polars")
    assert shown.groups["feature"].to_list() == groups["feature"].to_list()
    assert shown.series["cost_usd"].sum() == shown.current["cost_usd"]


def test_tag_keys_in_use_are_offered(home):
    record(20)
    assert Desk().look(View("90d")).dimensions == ("model", "provider", "feature", "user_id", "team")


def test_calls_made_meanwhile_are_seen(home):
    record(5)
    desk = Desk()
    before = desk.look(View("90d")).current["requests"]
    record(3)
    desk.ask_again()
    assert desk.look(View("90d")).current["requests"] == before + 3
    recorder.shutdown()
