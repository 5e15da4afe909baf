"""Attempts of an address: some at once, then some a minute."""

import pytest

from tokenbudget_server.accounts.attempts import Attempts
from tokenbudget_server.web.problems import ProblemError


def test_attempts_run_out_and_come_back():
    now = [0.0]
    attempts = Attempts("keys", 3, per_minute=6, clock=lambda: now[0])
    for _ in range(3):
        attempts.take("a")
    with pytest.raises(ProblemError, match="too many keys") as refused:
        attempts.take("a")
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "10"})
    attempts.take("b")
    now[0] = 10.0
    attempts.take("a")
    attempts.give_back("a")
    attempts.take("a")
    now[0] = 1e6
    for _ in range(3):
        attempts.take("a")
    with pytest.raises(ProblemError):
        attempts.take("a")
