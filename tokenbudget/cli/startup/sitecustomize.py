"""Loaded by each Python that ``tokenbudget run`` starts, before its program: it has all clients measured.

The module of the same name that this one hides is loaded as well.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))


def _load_hidden() -> None:
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


with contextlib.suppress(Exception):  # Another's fault, and none of the program's.
    _load_hidden()
try:
    import tokenbudget
except ImportError:
    with contextlib.suppress(Exception):  # An interpreter of its own, without us: ours may do.
        sys.path.append(_ROOT)
        import tokenbudget  # noqa: F401
except Exception:  # noqa: BLE001, S110 (telemetry never breaks the program)
    pass
