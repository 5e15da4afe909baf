"""Waiting for what happens elsewhere."""

import time


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


def finished(process, patience=60):
    """Let a worker end and see that it ended well."""
    process.stdin.close()
    assert process.wait(patience) == 0
