"""Serve the Panel dashboard: ``python -m tokenbudget_server.launch.panel HOST PORT``.

It is a program of its own that asks the API like any other client: nothing of it is imported here.
"""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "tokenbudget_panel"
_ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


def find_panel() -> Path | None:
    """Find what ``panel serve`` is given; None when Panel or the dashboard is not installed."""
    spec = find_spec(PACKAGE)
    if find_spec("panel") is None or spec is None or not spec.submodule_search_locations:
        return None
    app = Path(spec.submodule_search_locations[0], "app.py")
    return app if app.exists() else None


def serve(app: Path, host: str, port: int) -> None:
    """Serve the dashboard until this process is asked to stop."""
    sys.argv = [
        "panel",
        "serve",
        str(app),
        f"--address={host}",
        f"--port={port}",
        *(f"--allow-websocket-origin={origin}" for origin in _origins(host, port)),
    ]
    runpy.run_module("panel", run_name="__main__", alter_sys=True)


def _origins(host: str, port: int) -> list[str]:
    """Whose pages may open the dashboard's websocket; anyone's where it is served to other machines."""
    return ["*"] if host in _ANY_ADDRESS else sorted({f"{name}:{port}" for name in (host, "127.0.0.1", "localhost")})


def main() -> None:
    """Serve as the child of ``tokenbudget up``."""
    from tokenbudget_server.launch.child import end_with_parent

    end_with_parent()
    host, port = sys.argv[1:]
    if (app := find_panel()) is None:
        sys.exit("the Panel dashboard is not installed: pip install 'tokenbudget-ledger[panel]'")
    serve(app, host, int(port))


if __name__ == "__main__":
    main()
