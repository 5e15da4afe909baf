import pytest

from tokenbudget import config
from tokenbudget.core.errors import AuthError
from tokenbudget_panel.error_messages import Trouble
from tokenbudget_panel.page_state import View
from tokenbudget_panel.visitors import _MOST, _MOST_PER_KEY, SECONDS, Visitors, nobody

KEY = "tb_ak_" + "a" * 32


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def visitors(clock):
    return Visitors(clock)


@pytest.fixture(autouse=True)
def server(monkeypatch):
    monkeypatch.setattr(config, "in_force", config.Config(home=None, url="http://127.0.0.1:9"))


def test_a_token_finds_who_signed_in_with_it(visitors):
    one, other = visitors.admit(KEY), visitors.admit(KEY[::-1])
    assert (visitors.find(one).key, visitors.find(other).key) == (KEY, KEY[::-1])
    for nobodys in (None, "", one[:-1], KEY):
        assert visitors.find(nobodys) is None
    assert KEY not in repr(visitors.find(one))


def test_a_visitor_asks_with_their_own_key(visitors):
    assert visitors.find(visitors.admit(KEY)).desk.ask()._api_key == KEY


@pytest.mark.parametrize("ends", ["dismiss", "expire"])
def test_who_has_signed_out_asks_nothing_more(visitors, clock, ends):
    token = visitors.admit(KEY)
    visitor = visitors.find(token)
    if ends == "dismiss":
        visitors.dismiss(token)
    else:
        clock.now = SECONDS
    assert visitors.find(token) is None
    with pytest.raises(AuthError):
        visitor.desk.ask()


def test_how_many_are_in_is_bounded(visitors):
    tokens = [visitors.admit(KEY) for _ in range(_MOST_PER_KEY + 1)]
    others = [visitors.admit(f"tb_ak_{number:032x}") for number in range(_MOST)]
    assert visitors.find(tokens[0]) is None
    assert len(visitors._known) == _MOST
    assert visitors.find(others[-1]) is not None


def test_nobody_sees_nothing():
    shown = nobody().look(View())
    assert isinstance(shown, Trouble)
    assert shown.title == "You are not signed in any more"


def test_a_visitor_is_told_nothing_of_the_machine(visitors):
    shown = visitors.find(visitors.admit(KEY)).desk.look(View())
    assert shown.title == "The TokenBudget server could not answer"
    assert "127.0.0.1" not in f"{shown.advice}{shown.detail}"
