"""TokenBudget: know in the notebook what your AI costs, to the last token, and stop before it costs too much.

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

__version__ = "0.1.0"

_HOMES = {
    "wrap": "tokenbudget.capture",
    "tags": "tokenbudget.capture",
    "tagged": "tokenbudget.capture",
    "record": "tokenbudget.capture",
    "patch": "tokenbudget.capture",
    "unpatch": "tokenbudget.capture",
    "configure": "tokenbudget.config",
    "flush": "tokenbudget.runtime",
    "shutdown": "tokenbudget.runtime",
    "summary": "tokenbudget.notebook",
    "by": "tokenbudget.notebook",
    "timeseries": "tokenbudget.notebook",
    "events": "tokenbudget.notebook",
    "percentiles": "tokenbudget.notebook",
    "plot_costs": "tokenbudget.notebook",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604 (the public names, each imported when first used)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing tokenbudget stays cheap."""
    if name not in _HOMES:
        msg = f"module 'tokenbudget' has no attribute {name!r}: it has {', '.join(__all__)}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if os.environ.get("TOKENBUDGET_AUTO", "").strip().lower() in {"1", "true", "yes", "on"}:
    __getattr__("patch")()
