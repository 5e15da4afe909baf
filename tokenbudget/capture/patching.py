"""`patch`: measure every client in the process, also those made by code one cannot touch."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tokenbudget import faults
from tokenbudget.capture import providers


def patch() -> None:
    """Measure every client of every supported SDK in this process, made already or later.

    SDKs imported later are patched when they are.  ``TOKENBUDGET_AUTO=1`` does the same when tokenbudget is imported.
    A client that is wrapped as well is measured once.

    Examples
    --------
    >>> patch()
    >>> unpatch()
    """
    if not any(isinstance(finder, _Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())
    for package in providers.MODULES:
        if package in sys.modules:
            _patch(package)


def unpatch() -> None:
    """Measure wrapped clients only, as before `patch`."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Watcher)]
    for package in providers.MODULES:
        if package in sys.modules:
            providers.sdk(package).unpatch()


def _patch(package: str) -> None:
    try:
        providers.sdk(package).patch()
    except Exception as error:  # noqa: BLE001 (importing a package must not fail because of us)
        faults.swallow("capture.patch", error)


class _Watcher(importlib.abc.MetaPathFinder):
    """Patches an SDK right after it was imported."""

    def __init__(self) -> None:
        self._looking: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (the signature of a finder)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in providers.MODULES or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None:
            _run_after(spec.loader, fullname)
        return spec


def _run_after(loader: Any, package: str) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        del loader.exec_module
        _patch(package)

    loader.exec_module = exec_module
