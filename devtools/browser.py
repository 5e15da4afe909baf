"""The Chromium that browser tests drive."""

import os
import shutil
from pathlib import Path

from devtools.environment import PYTHON
from devtools.processes import WINDOWS, answer
from devtools.steps import StepFailed, say, step

VARIABLE = "TOKENBUDGET_CHROMIUM"
_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_INSTALLED = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_PLAYWRIGHTS_OWN = (
    "from playwright.sync_api import sync_playwright as start\n"
    "with start() as playwright: print(playwright.chromium.executable_path)"
)


def find() -> str | None:
    """Return the path of a Chromium: the one asked for, the system's, or one playwright downloaded before."""
    if asked := os.environ.get(VARIABLE):
        return asked
    on_path = (shutil.which(name) for name in _ON_PATH)
    installed = (path for path in _INSTALLED if path.startswith("C:") == WINDOWS and Path(path).exists())
    if found := next(filter(None, [*on_path, *installed]), None):
        return found
    own = answer([PYTHON, "-c", _PLAYWRIGHTS_OWN])
    return own if own and Path(own).exists() else None


def find_or_download() -> str | None:
    """Return the path of a Chromium, downloaded if need be; without one say so and go on."""
    if found := find():
        return found
    try:
        command: list[str | Path] = [PYTHON, "-m", "playwright", "install", "chromium"]
        step("Downloading Chromium for the browser tests", command, advice="install Chromium or Chrome yourself.")
    except StepFailed:
        advice = f"install Chromium or Chrome, or set {VARIABLE} to the path of one."
        say("!", f"No Chromium, so the browser tests are skipped. To run them, {advice}")
    return find()
