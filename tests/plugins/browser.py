"""A real Chromium, and the Panel dashboard to look at in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from tests.plugins.ports import free_port

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser(chromium):
    """The running browser of playwright; not for the session, as it keeps an event loop running in this thread."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser):
    """Open a page: ``open_page(url, **context options)``; what goes wrong in one fails the test."""
    contexts, faults = [], []

    def opened(url, *, may_fail=False, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: is_fault(said, may_fail=may_fail) and faults.append(said.text))
        page.on("request", lambda request: is_outside(request.url) and faults.append(f"asks {request.url}"))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def is_fault(said, *, may_fail):
    # The browser reports refusals by itself; which ones a test provokes is its own matter.
    return said.type == "error" and not (may_fail and "Failed to load resource" in said.text)


def is_outside(url):
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:"))


@pytest.fixture(scope="session")
def panel_of():
    """Serve the Panel dashboard of a home: ``with panel_of(home) as url``."""
    return _panel_of


@contextmanager
def _panel_of(home):
    port = free_port()
    log = home / "panel.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenbudget_panel", f"--port={port}"],
            env={**os.environ, "TOKENBUDGET_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/liveness", log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(process, url, log):
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}")
