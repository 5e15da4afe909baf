"""Requests made of the server's own OpenAPI document: no 5xx, and every answer is what the document says.

A few examples of each route by default; ``pytest tests/attacks/test_documented.py --attack-minutes=20`` goes on for as
long as that.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.server import ADMIN_KEY

pytestmark = pytest.mark.postgres

EXAMPLES = 5


@pytest.mark.timeout(0)
def test_every_answer_is_documented(attacked_project, quiet_log, request, tmp_path):
    minutes = request.config.getoption("attack_minutes")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", Path(__file__).with_name("schemathesis.toml")),
        *("run", f"{attacked_project.url}/schema/openapi.json"),
        *("--header", f"Authorization: Bearer {attacked_project.key}", "--header", f"X-Admin-Key: {ADMIN_KEY}"),
        *(("--max-time", str(minutes * 60)) if minutes else ("--max-examples", str(EXAMPLES))),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
