"""Limits let a burst through, then a steady rate, and tell each caller how long to wait."""

import asyncio

import pytest

from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.rates import Rate

RATE = Rate("questions", 3, 6.0)


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def take(clock):
    """Ask; the answer is None, or the seconds to wait."""
    limits = RateLimits(clock=clock)

    def ask(caller="ada"):
        try:
            asyncio.run(limits.take(RATE, caller))
        except ProblemError as error:
            return int(error.headers["Retry-After"])

    return ask


def test_a_burst_then_the_rate(take, clock):
    assert [take() for _ in range(5)] == [None, None, None, 2, 2]
    clock.now += 2
    assert [take() for _ in range(2)] == [None, 2]
    clock.now += 1
    assert take() == 1


def test_a_refused_request_does_not_prolong_the_wait(take, clock):
    assert [take() for _ in range(10)][-1] == 2
    clock.now += 2
    assert take() is None


def test_all_is_forgotten_after_a_pause(take, clock):
    for _ in range(3):
        take()
    clock.now += 6
    assert [take() for _ in range(4)] == [None, None, None, 2]


def test_what_is_refused_is_named():
    limits = RateLimits()
    for _ in range(3):
        asyncio.run(limits.take(RATE, "ada"))
    with pytest.raises(ProblemError, match="at most 3 questions in 6 s: try again in 2 s") as refused:
        asyncio.run(limits.take(RATE, "ada"))
    assert refused.value.status_code == 429


def test_callers_do_not_share(take):
    for _ in range(4):
        take("ada")
    assert take("bob") is None
