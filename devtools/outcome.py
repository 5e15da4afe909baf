"""What the last line of a test run says: how many tests passed, failed and were skipped, in Python and in the web."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Unpack
from xml.etree import ElementTree as ET

from devtools.environment import STATE
from devtools.processes import Options, run

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


class Outcome:
    """The exit codes of all test runs, told in one line in pytest's manner."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.python_codes: dict[str, int] = {}
        self.web_code: int | None = None  # None: not run.

    def run_pytest(self, name: str, command: Sequence[str | Path], **options: Unpack[Options]) -> None:
        """Run pytest in the foreground; its counts are part of the line."""
        report = _report(name)
        report.unlink(missing_ok=True)
        self.python_codes[name] = run([*command, f"--junitxml={report}"], **options)

    def report(self) -> int:
        """Print the line and return the exit code of the whole."""
        failed = any([*self.python_codes.values(), self.web_code])
        elapsed = f"{time.monotonic() - self.started:.1f}s"
        line = f" {'FAILED: ' if failed else ''}{', '.join(self._parts())} in {elapsed} ".center(100, "=")
        print(f"\n{_RED if failed else _GREEN}{line}{_PLAIN}" if sys.stdout.isatty() else f"\n{line}", flush=True)
        return int(failed)

    def _parts(self) -> Iterator[str]:
        finished = [name for name in self.python_codes if _report(name).exists()]
        if finished:
            yield from _counts(finished)
        for name in self.python_codes.keys() - set(finished):
            yield f"pytest ({name}) stopped with exit code {self.python_codes[name]}"
        if self.web_code is not None:
            yield f"web tests {'failed' if self.web_code else 'passed'}"


def _report(name: str) -> Path:
    return STATE / f"pytest-{name}.xml"


def _counts(names: Sequence[str]) -> Iterator[str]:
    found: Counter[str] = Counter()
    for name in names:
        for suite in ET.parse(_report(name)).getroot().iter("testsuite"):
            found.update({kind: int(suite.attrib[kind]) for kind in ("tests", "failures", "errors", "skipped")})
    failed, errors, skipped = (found[kind] for kind in ("failures", "errors", "skipped"))
    counts = {"failed": failed, "passed": found["tests"] - failed - errors - skipped}
    counts |= {"skipped": skipped, "errors": errors}
    yield from (f"{number} {name}" for name, number in counts.items() if number or name == "passed")
