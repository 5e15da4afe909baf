"""`patch`: measure every client in the process, also those made by code one cannot touch."""

from __future__ import annotations

import sys
from functools import partial

from tokenbudget import faults
from tokenbudget.capture import providers
from tokenbudget.capture.imports import Watcher


def patch() -> None:
    """Measure every client of every supported SDK in this process, made already or later.

    SDKs imported later are patched when they are.  ``TOKENBUDGET_AUTO=1`` does the same when tokenbudget is imported.
    A client that is wrapped as well is measured once.

    Examples
    --------
    >>> patch()
    >>> unpatch()
    """
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)
    for package in providers.MODULES:
        if package in sys.modules:
            _patch(package)


def unpatch() -> None:
    """Measure wrapped clients only, as before `patch`."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _watcher]
    for package in providers.MODULES:
        if package in sys.modules:
            providers.sdk(package).unpatch()


def _patch(package: str) -> None:
    try:
        providers.sdk(package).patch()
    except Exception as error:  # noqa: BLE001 (importing a package must not fail because of us)
        faults.swallow("capture.patch", error)


_watcher = Watcher({package: partial(_patch, package) for package in providers.MODULES})
