"""Serve the API: ``python -m tokenbudget_server.launch.api HOST PORT WORKERS``."""

from __future__ import annotations

import contextlib
import sys

from tokenbudget.diagnostics import logs

STOP_SECONDS = 5
HEAD_SECONDS = 10
"""How long a request's head may take, and a connection may stay open between two requests."""
LARGEST_HEAD = 128 * 2**10
"""Bytes of it; also what is read ahead of a body that nobody has asked for yet."""
CONNECTIONS = 1_024
"""Of one worker.  More wait until others end."""
_OPEN_FILES = 8_192


def serve(host: str, port: int, workers: int) -> None:
    """Serve the application of the environment's settings until this process is asked to stop."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    _allow_open_files()
    Granian(
        "tokenbudget_server.launch.worker:create_app",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        # Where HTTP/2 is offered, too, nothing ends a connection that never says which it speaks.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1_000, max_buffer_size=LARGEST_HEAD),
        backpressure=CONNECTIONS,
        websockets=False,
        log_dictconfig=logs.configuration(),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve()


def _allow_open_files() -> None:
    """Raise this process' limit of open files, which each connection is one of, as far as it may."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        if soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> None:
    """Serve as the child of ``tokenbudget up``."""
    from tokenbudget_server.launch.child import end_with_parent

    end_with_parent()
    host, port, workers = sys.argv[1:]
    serve(host, int(port), int(workers))


if __name__ == "__main__":
    main()
