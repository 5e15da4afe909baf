import logging

import pytest

from tokenbudget.core import errors
from tokenbudget_panel.error_messages import explained


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (errors.AuthError("no", 401), "The TokenBudget server does not accept the API key"),
        (errors.ServerUnreachableError("no"), "The TokenBudget server does not answer"),
        (errors.ServerError("no", 500), "The TokenBudget server could not answer"),
        (errors.ConfigError("no"), "The settings cannot be used"),
        (errors.PeriodError("no"), "The question was not understood"),
        (errors.JournalError("no"), "The journal cannot be read"),
        (PermissionError("no"), "The journal cannot be read"),
    ],
)
def test_known_errors_are_explained(error, title):
    assert explained(error).title == title


def test_an_unknown_error_is_logged_with_its_trace(caplog):
    with caplog.at_level(logging.ERROR):
        assert explained(ZeroDivisionError("surprise")).detail == "ZeroDivisionError: surprise"
    assert caplog.records[0].exc_info[0] is ZeroDivisionError
