"""TokenBudget: know in the notebook what your AI costs, to the last token.

>>> import tokenbudget as tb                                # doctest: +SKIP
>>> client = tb.wrap(OpenAI())                              # doctest: +SKIP
>>> tb.summary(period="30d")                                # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenbudget.capture import patch, record, tagged, tags, unpatch, wrap
    from tokenbudget.config import configure
    from tokenbudget.health_report import status
    from tokenbudget.imports.api import import_agents
    from tokenbudget.ledger.explain import explain
    from tokenbudget.notebook import by, events, percentiles, plot_costs, summary, timeseries
    from tokenbudget.notebook.coverage import coverage
    from tokenbudget.notebook.reprice import reprice
    from tokenbudget.pricing import prices
    from tokenbudget.pricing.estimate import estimate
    from tokenbudget.recording.recorder import flush, shutdown

__version__ = "0.1.0"
__all__ = [
    "by",
    "configure",
    "coverage",
    "estimate",
    "events",
    "explain",
    "flush",
    "import_agents",
    "patch",
    "percentiles",
    "plot_costs",
    "prices",
    "record",
    "reprice",
    "shutdown",
    "status",
    "summary",
    "tagged",
    "tags",
    "timeseries",
    "unpatch",
    "wrap",
]

_NAMES = {
    "tokenbudget.capture": ("patch", "record", "tagged", "tags", "unpatch", "wrap"),
    "tokenbudget.config": ("configure",),
    "tokenbudget.health_report": ("status",),
    "tokenbudget.imports.api": ("import_agents",),
    "tokenbudget.notebook": (
        "by",
        "coverage",
        "events",
        "percentiles",
        "plot_costs",
        "reprice",
        "summary",
        "timeseries",
    ),
    "tokenbudget.pricing.estimate": ("estimate",),
    "tokenbudget.ledger.explain": ("explain",),
    "tokenbudget.recording.recorder": ("flush", "shutdown"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}
_MODULES = {"prices": "tokenbudget.pricing.prices"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing tokenbudget stays cheap."""
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        msg = f"module 'tokenbudget' has no attribute {name!r}: it has {', '.join(__all__)}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if os.environ.get("TOKENBUDGET_AUTO", "").strip().lower() in {"1", "true", "yes", "on"}:
    __getattr__("patch")()
