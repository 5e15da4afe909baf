"""Which Chromium the browser tests are given."""

from pathlib import Path

import pytest

from devtools import browser

TEST = ("test", "-k", "x")


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "microsoft-edge"])
def test_the_systems_browser_is_found(checkout, name):
    path = checkout.program(name, "")
    assert f"chromium: {path}\n" in checkout.dev(*TEST)


def test_the_browser_asked_for_comes_first(checkout):
    checkout.program("chromium", "")
    assert "chromium: /opt/other\n" in checkout.dev(*TEST, **{browser.VARIABLE: "/opt/other"})


# The places where systems other than Linux keep theirs cannot be taken away.
@pytest.mark.skipif(any(Path(path).exists() for path in browser._INSTALLED), reason="a browser is installed here")
class TestWithoutASystemsBrowser:
    def test_one_is_downloaded_once(self, checkout):
        said = [checkout.dev(*TEST), checkout.dev(*TEST)]
        assert all(f"chromium: {checkout.venv / 'downloaded'}\n" in one for one in said)
        assert ["✓ Downloading Chromium for the browser tests" in one for one in said] == [True, False]

    def test_the_run_goes_on_without_one_and_says_so(self, checkout):
        said = checkout.dev(*TEST, FAIL="*playwright install*")
        assert "! No Chromium, so the browser tests are skipped. To run them, install Chromium or Chrome" in said
        assert "chromium: \n" in said
        assert " 1 passed in " in said
