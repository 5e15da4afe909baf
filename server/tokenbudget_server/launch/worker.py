"""The application in a process that serves it and nothing else."""

from __future__ import annotations

import gc

from litestar import Litestar

_ALLOCATIONS = 200_000


def create_app() -> Litestar:
    """Make the application, have its process end with the one that watches it, and keep the collector off events.

    Events hold no cycles: they go when the last reference goes.  Yet a request brings a thousand of them, which by
    Python's usual threshold would have the collector look at all that is alive again and again: a fifth of the CPU.
    What is loaded by now stays, and is not looked at any more.
    """
    from tokenbudget_server.app import create_app
    from tokenbudget_server.launch.api import STOP_SECONDS
    from tokenbudget_server.launch.child import end_with_supervisor

    end_with_supervisor(STOP_SECONDS)
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
    return app
