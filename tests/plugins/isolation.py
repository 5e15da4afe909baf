"""Tests see neither the developer's settings nor the developer's data."""

import atexit
import os
import shutil
import tempfile

import pytest

# Say which programs the tests use, not what the product does.
KEPT = {"TOKENBUDGET_CHROMIUM", "TOKENBUDGET_POSTGRES_BIN"}
TRANSCRIPTS = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME")
"""Where coding agents leave what they did: not those of the developer."""


def pytest_configure(config):
    for name in [name for name in os.environ if name.startswith("TOKENBUDGET_")]:
        if name not in KEPT:
            del os.environ[name]
    home = tempfile.mkdtemp(prefix="tokenbudget-test-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # After everything that may still write into it.
    os.environ["TOKENBUDGET_HOME"] = home
    for variable in TRANSCRIPTS:
        os.environ[variable] = f"{home}/no-agent"
    os.environ["MPLBACKEND"] = "agg"  # Figures are drawn without a screen.


@pytest.fixture(scope="session")
def chromium():
    """Return the path of a Chromium for playwright's `executable_path`, or skip."""
    from devtools import browser

    return browser.find() or pytest.skip(f"no Chromium found; install one or set {browser.VARIABLE} to its path")
