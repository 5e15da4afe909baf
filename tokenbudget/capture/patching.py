"""`patch`: measure every client in the process, including those that other libraries create."""

from __future__ import annotations

import sys
from functools import cache, partial

from tokenbudget.capture import registry
from tokenbudget.capture.instrument.lazy_modules import Watcher
from tokenbudget.diagnostics import internal_errors


def patch() -> None:
    """Measure every client of every supported SDK in this process, whether it exists already or is created later.

    An SDK that is imported later is patched on import.  ``TOKENBUDGET_AUTO=1`` does the same when tokenbudget is
    imported.  The calls of a client that is also wrapped are recorded once.

    Examples
    --------
    >>> patch()
    >>> unpatch()
    """
    watcher = _watcher()
    if watcher not in sys.meta_path:
        sys.meta_path.insert(0, watcher)
    for package in registry.packages():
        if package in sys.modules:
            _patch(package)


def unpatch() -> None:
    """Undo `patch`: measure wrapped clients only."""
    watcher = _watcher()
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not watcher]
    for package, sdk in registry.packages().items():
        if package in sys.modules:
            sdk.unpatch()


def _patch(package: str) -> None:
    try:
        registry.sdk(package).patch()
    except Exception as error:  # noqa: BLE001 (importing a package must not fail because of us)
        internal_errors.swallow("capture.patch", error)


@cache
def _watcher() -> Watcher:
    return Watcher({package: partial(_patch, package) for package in registry.packages()})
