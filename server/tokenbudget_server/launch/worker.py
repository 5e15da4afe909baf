"""The application in a process that serves it and nothing else."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Any

from litestar import Litestar

_ALLOCATIONS = 200_000
_SWITCH_SECONDS = 0.001
"""How long a thread may keep the event loop waiting for the interpreter: others than it work on what is large."""


def create_app() -> Litestar:
    """Make the application, have its process end with the one that watches it, and keep the collector off events.

    Events hold no cycles: they go when the last reference goes.  Yet a request brings a thousand of them, which by
    Python's usual threshold would have the collector look at all that is alive again and again: a fifth of the CPU.
    What is loaded by now stays, and is not looked at any more.
    """
    from tokenbudget_server.app import create_app
    from tokenbudget_server.launch.api import STOP_SECONDS
    from tokenbudget_server.launch.child import end_with_supervisor
    from tokenbudget_server.web import bodies

    end_with_supervisor(STOP_SECONDS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    _when_asked_to_stop(bodies.give_up)
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
    return app


def _when_asked_to_stop(tell: Callable[[], None]) -> None:
    """Have a function called, too, when a signal asks this process to stop.

    The server that it serves under sets its handlers after this, and then waits for all requests that have begun.
    """
    try:
        loop = asyncio.get_event_loop()
    except RuntimeError:  # Nothing is served here.
        return
    add = loop.add_signal_handler

    def add_another(number: int, callback: Callable[..., object], *arguments: Any) -> None:
        def both() -> None:
            tell()
            callback(*arguments)

        add(number, both)

    loop.add_signal_handler = add_another  # type: ignore[assignment,method-assign]
