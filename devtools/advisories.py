"""Known weaknesses of what we depend on, as the package registries tell them.

A registry that does not answer, or tells of none, breaks nothing: it is said that there was no audit.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devtools import environment, web
from devtools.processes import ROOT
from devtools.steps import say

ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, by their ids, and why."""
_SECONDS = 300
_SERIOUS = {"high", "critical"}


def passes() -> bool:
    """Audit the Python packages and those of the web, say what was found, and return whether that is nothing."""
    found = [_audit("Python", _python()), _audit("web", _web())]
    return not any(found)


def _audit(what: str, found: Sequence[str] | str) -> bool:
    if isinstance(found, str):
        say("!", f"The {what} packages were not audited for known weaknesses: {found}")
        return False
    say("✗" if found else "✓", f"{what} packages with known weaknesses: {len(found) or 'none'}")
    for each in found:
        say(" ", each)
    return bool(found)


def _python() -> Sequence[str] | str:
    lock = environment.locked("dev")[-1:]
    if not lock:
        return "there is no requirements/dev.txt"
    options = ["--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off", "--timeout=15"]
    said, why = _run([environment.PYTHON, "-m", "pip_audit", *options, "-r", *lock], ROOT)
    packages = said.get("dependencies", [])
    if not any("vulns" in package for package in packages):
        return why or next((str(package.get("skip_reason")) for package in packages), "pip-audit said nothing")
    return [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions'])}"
        for package in packages
        for weakness in package.get("vulns", [])
        if not ACCEPTED.keys() & {weakness["id"], *weakness.get("aliases", [])}
    ]


def _web() -> Sequence[str] | str:
    if not (ready := web.ready()):
        return "there are none"
    npm, variables = ready
    said, why = _run([npm, "audit", "--json"], web.WEB, variables)
    if "vulnerabilities" not in said:
        return str(said.get("message") or why or "npm said nothing")
    return [
        f"{name}: {weakness['severity']}"
        for name, weakness in said["vulnerabilities"].items()
        if weakness["severity"] in _SERIOUS and name not in ACCEPTED
    ]


def _run(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], str]:
    """Return the document that a program prints, and where there is none, what it complained of at the end."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        document = json.loads(done.stdout or "null")
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {_SECONDS} s"
    except (OSError, ValueError) as error:
        return {}, str(error)
    return document if isinstance(document, dict) else {}, (done.stderr.strip().splitlines() or [""])[-1]
