"""Environments with other AI SDKs than `.venv` has: the oldest that are supported, and those that LiteLLM goes with."""

import os
from pathlib import Path

from devtools import environment
from devtools.environment import Stamp
from devtools.outcome import Outcome
from devtools.processes import ROOT, WINDOWS
from devtools.steps import say

REQUIREMENTS = ROOT / "tests" / "environments"
CAPTURE = "tests/integration/capture"
# LiteLLM goes with openai 2; what else it brings is tested elsewhere, and how it leaves its sockets is its own.
_WITH_LITELLM = [
    f"{CAPTURE}/test_{name}.py"
    for name in (
        "asking",
        "errors",
        "litellm",
        "litellm_recordings",
        "odd_answers",
        "openai",
        "openai_runs",
        "streams",
        "wrap",
    )
]
TESTS = {"oldest": [CAPTURE], "litellm": ["-W", "ignore::ResourceWarning", *_WITH_LITELLM]}
"""Name of an environment, and of the files in `REQUIREMENTS` that pin it -> pytest's arguments there."""


@environment.one_at_a_time()
def prepare() -> None:
    """Bring the environments up to date with their requirements."""
    for name in TESTS:
        requirements = REQUIREMENTS / f"{name}.txt"
        stamp = Stamp(f"sdks-{name}", [requirements])
        if not (stamp.fresh() and _python(name).exists()):
            environment.make(_folder(name), f"Making the environment {name}")
            packages = ("-r", str(requirements.relative_to(ROOT)))
            environment.install(f"Installing the SDKs of {name}", *packages, python=_python(name))
            stamp.set()


def test(outcome: Outcome, args: list[str]) -> None:
    """Test the capture of calls in each environment, with these arguments to pytest."""
    for name, tests in TESTS.items():
        pins = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines()
        say("▸", f"Capture with the SDKs of {name}: {', '.join(pin for pin in pins if '==' in pin) or pins[0][2:]}")
        # Of the plugins in tests/conftest.py only this one; the others need the server.
        plugins = ["-p", "tests.plugins.isolation", f"--confcutdir={CAPTURE}"]
        outcome.run_pytest(name, [_python(name), "-m", "pytest", *plugins, *tests, *args], env={**os.environ})


def _folder(name: str) -> Path:
    return environment.STATE / "environments" / name


def _python(name: str) -> Path:
    return _folder(name) / ("Scripts/python.exe" if WINDOWS else "bin/python")
