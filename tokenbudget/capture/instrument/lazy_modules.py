"""Run an action right after a module is imported, without importing it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any


class Watcher(importlib.abc.MetaPathFinder):
    """An import hook that runs actions after given modules were imported.

    Parameters
    ----------
    actions : mapping of str to callable
        Full name of a module -> what to do; nothing that raises.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        self._actions = actions
        self._looking: set[str] = set()

    def find_spec(  # noqa: D102 (a finder's)
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (the signature of a finder)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        action = self._actions.get(fullname)
        if action is None or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None:
            _run_after(spec.loader, action)
        return spec


_waiting: dict[str, Callable[[], None]] = {}
_watcher = Watcher(_waiting)


def when_imported(module: str, action: Callable[[], None]) -> None:
    """Run an action now if a module is imported, or else right after its import.

    Parameters
    ----------
    module : str
        Full name of the module.
    action : callable
        What to do; nothing that raises.
    """
    if module in sys.modules:
        action()
        return

    def act() -> None:
        _waiting.pop(module, None)
        if not _waiting and _watcher in sys.meta_path:
            sys.meta_path.remove(_watcher)
        action()

    _waiting[module] = act
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)


def _run_after(loader: Any, action: Callable[[], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        del loader.exec_module
        action()

    loader.exec_module = exec_module
