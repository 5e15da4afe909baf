"""Serve the Panel dashboard as a child: ``python -m tokenbudget_server.launch.panel HOST PORT``.

The dashboard is a program of its own that asks the API like any other client: it is run, and never imported.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib.util import find_spec

PROGRAM = "tokenbudget_panel"
READY = "/liveness"
"""Answers with success as soon as the dashboard can be opened."""


def is_installed() -> bool:
    """Whether the dashboard and what it needs are installed."""
    return all(find_spec(name) is not None for name in (PROGRAM, "panel", "panel_material_ui"))


def connection(url: str, key: str | None) -> bytes:
    """Return what the child reads from its standard input: whom it asks, and the key if visitors need none."""
    return json.dumps({"url": url, "api_key": key or ""}).encode()


def main() -> None:
    """Run the dashboard until this process is asked to stop, or its parent is gone."""
    from tokenbudget import config
    from tokenbudget_server.launch.child import end_with_parent

    end_with_parent()
    config.configure(**json.load(sys.stdin.buffer))
    host, port = sys.argv[1:]
    sys.argv = [PROGRAM, f"--host={host}", f"--port={port}"]
    runpy.run_module(PROGRAM, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
