import json

import pytest

from devtools import advisories, environment, web

WEAK = {"name": "six", "version": "1.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}]}
WELL = {"name": "six", "version": "1.0", "vulns": []}
SKIPPED = {"name": "six", "skip_reason": "not found"}
NPM = {"vulnerabilities": {"vite": {"severity": "high"}, "tslib": {"severity": "low"}}}


@pytest.fixture
def program(tmp_path):
    """Make a program that prints this, and complains of that."""

    def make(name, said, complaint="", code=0):
        path = tmp_path / name
        (tmp_path / f"{name}.out").write_text(said)
        path.write_text(f"#!/bin/sh\ncat {path}.out\necho '{complaint}' >&2\nexit {code}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.mark.parametrize(
    ("said", "complaint", "passes", "told"),
    [
        (json.dumps({"dependencies": [WELL, SKIPPED]}), "", True, "✓ Python packages with known weaknesses: none"),
        (json.dumps({"dependencies": [WEAK]}), "", False, "six 1.0: PYSEC-1, mended in 1.1"),
        (json.dumps({"dependencies": [SKIPPED]}), "", True, "were not audited for known weaknesses: not found"),
        ("", "ERROR: no route to host", True, "were not audited for known weaknesses: ERROR: no route to host"),
        ("<html>", "", True, "were not audited for known weaknesses: "),
        ("", "No module named pip_audit", True, "were not audited for known weaknesses: No module named pip_audit"),
    ],
)
def test_weak_python_packages_fail_and_an_audit_that_cannot_be_made_is_said(
    program, monkeypatch, capsys, said, complaint, passes, told
):
    monkeypatch.setattr(environment, "PYTHON", program("python", said, complaint, code=1))
    monkeypatch.setattr(web, "ready", lambda: None)
    assert advisories.passes() == passes
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "passes", "told"),
    [
        (json.dumps(NPM), False, "vite: high"),
        (json.dumps({"vulnerabilities": {}}), True, "✓ web packages with known weaknesses: none"),
        (json.dumps({"message": "405 Method Not Allowed", "error": {}}), True, "not audited for known weaknesses: 405"),
        ("", True, "not audited"),
    ],
)
def test_weak_packages_of_the_web_fail(program, monkeypatch, capsys, said, passes, told):
    monkeypatch.setattr(environment, "PYTHON", program("python", ""))
    monkeypatch.setattr(web, "ready", lambda: (str(program("npm", said)), {"PATH": "/usr/bin:/bin"}))
    assert advisories.passes() == passes
    assert told in capsys.readouterr().out


def test_what_does_not_concern_us_is_accepted_by_its_id(program, monkeypatch):
    monkeypatch.setattr(environment, "PYTHON", program("python", json.dumps({"dependencies": [WEAK]})))
    monkeypatch.setattr(web, "ready", lambda: None)
    monkeypatch.setattr(advisories, "ACCEPTED", {"CVE-1": "we never call it"})
    assert advisories.passes()
