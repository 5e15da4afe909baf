"""A process that serves: what the collector of garbage leaves alone there."""

import subprocess
import sys

SCRIPT = """
import gc
from tokenbudget_server.launch.worker import create_app
create_app()
print(gc.isenabled(), gc.get_freeze_count() > 10_000, gc.get_threshold()[0])
"""


def test_events_do_not_wake_the_collector(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKENBUDGET_DATABASE_URL", "postgresql://localhost/unused")  # It connects when asked to serve.
    monkeypatch.setenv("TOKENBUDGET_HOME", str(tmp_path))
    answer = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "True", "200000"]
