"""Serve the API: ``python -m tokenbudget_server.launch.api HOST PORT WORKERS``."""

from __future__ import annotations

import sys

from tokenbudget.diagnostics import logs

STOP_SECONDS = 5


def serve(host: str, port: int, workers: int) -> None:
    """Serve the application of the environment's settings until this process is asked to stop."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "tokenbudget_server.launch.worker:create_app",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        log_dictconfig=logs.configuration(),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve()


def main() -> None:
    """Serve as the child of ``tokenbudget up``."""
    from tokenbudget_server.launch.child import end_with_parent

    end_with_parent()
    host, port, workers = sys.argv[1:]
    serve(host, int(port), int(workers))


if __name__ == "__main__":
    main()
