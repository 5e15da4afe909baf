"""What the last line of a test run says: how many tests passed, failed and were skipped, in Python and in the web."""

import sys
import time
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from devtools.environment import STATE

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


class Outcome:
    """The exit codes of both test runs, told in one line in pytest's manner."""

    def __init__(self) -> None:
        self.junit = STATE / "pytest.xml"
        self.junit.unlink(missing_ok=True)
        self.started = time.monotonic()
        self.python_code = 0
        self.web_code: int | None = None  # None: not run.

    def report(self) -> int:
        """Print the line and return the exit code of the whole."""
        failed = bool(self.python_code or self.web_code)
        elapsed = f"{time.monotonic() - self.started:.1f}s"
        line = f" {'FAILED: ' if failed else ''}{', '.join(self._parts())} in {elapsed} ".center(100, "=")
        print(f"\n{_RED if failed else _GREEN}{line}{_PLAIN}" if sys.stdout.isatty() else f"\n{line}", flush=True)
        return int(failed)

    def _parts(self) -> Iterator[str]:
        if self.junit.exists():
            yield from self._counts()
        else:
            yield f"pytest stopped with exit code {self.python_code}"
        if self.web_code is not None:
            yield f"web tests {'failed' if self.web_code else 'passed'}"

    def _counts(self) -> Iterator[str]:
        suite = ET.parse(self.junit).getroot().find("testsuite").attrib
        failed, errors, skipped = (int(suite[name]) for name in ("failures", "errors", "skipped"))
        passed = int(suite["tests"]) - failed - errors - skipped
        counts = {"failed": failed, "passed": passed, "skipped": skipped, "errors": errors}
        yield from (f"{number} {name}" for name, number in counts.items() if number or name == "passed")
