import logging
import subprocess
import sys

import pytest

from tokenbudget.diagnostics import internal_errors

PROGRAM = """
import sys
from tokenbudget.diagnostics import internal_errors
for text in ("first\\nsecond", "third"):
    try:
        raise ValueError(text)
    except ValueError as error:
        internal_errors.swallow("capture.begin", error)
"""


@pytest.fixture(autouse=True)
def swallowing(monkeypatch):
    monkeypatch.delenv("TOKENBUDGET_RAISE", raising=False)
    internal_errors.reset()
    yield
    internal_errors.reset()


def test_a_program_that_configures_no_log_gets_one_line():
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stderr
    (line,) = said.splitlines()
    assert "(capture.begin: ValueError: first second); your call is not affected" in line
    assert "logging.getLogger('tokenbudget').setLevel('DEBUG')" in line


@pytest.mark.parametrize(("level", "is_shown"), [(logging.INFO, False), (logging.DEBUG, True)])
def test_the_traceback_is_for_those_who_debug(caplog, level, is_shown):
    with caplog.at_level(level, logger="tokenbudget"):
        internal_errors.swallow("capture.begin", ValueError("x" * 1000))
    (record,) = caplog.records
    assert (record.exc_info is not None) is is_shown
    assert len(record.getMessage()) < 500
    assert internal_errors.counts == {"capture.begin": 1}
