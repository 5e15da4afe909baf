"""From what was read of an answer to a `Usage` that holds together."""

from __future__ import annotations

from typing import Any

from tokenbudget.capture.instrument.api_spec import Found
from tokenbudget.core.usage import STATED_ZEROS, TOKEN_FIELDS, Usage, check

_TOKENS = frozenset(TOKEN_FIELDS)
_OTHERS = frozenset(Usage.__struct_fields__) - _TOKENS
_WHOLES = ("input_tokens", "output_tokens")
_BILLED = (*TOKEN_FIELDS, "tools", "units", "passes")


def _states_nothing(found: Found) -> bool:
    """Return whether all counts are zeros: no call is made of nothing, but some servers that do not count say so."""
    if found.get("input_tokens") != 0 or "reported_cost_usd" in found:
        return False
    return not any(found.get(name) for name in _BILLED)


def usage_of(found: Found) -> tuple[Usage, tuple[str, ...]]:
    """Make a consistent `Usage` of what was read, with a warning for each contradiction.

    Examples
    --------
    >>> usage_of({"input_tokens": 10, "cache_read_tokens": 12, "model": "m"})[1]
    ('cache_read_tokens 12 > input_tokens 10',)
    >>> unknown, warnings = usage_of({"input_tokens": 0, "output_tokens": 0, "model": "m"})
    >>> unknown.absent, warnings
    (True, ('input_tokens 0, output_tokens 0: taken as not stated',))
    """
    if _states_nothing(found):
        unstated = ", ".join(f"{name} 0" for name in _WHOLES if found.get(name) == 0)
        return Usage(), (f"{unstated}: taken as not stated",)
    named: dict[str, Any] = {}
    for name, value in found.items():
        if not value and name not in STATED_ZEROS:
            continue
        if name in _TOKENS:
            named[name] = int(value)
        elif name == "tools":
            named[name] = {tool: int(calls) for tool, calls in value.items()}
        elif name in _OTHERS:
            named[name] = value
    return check(Usage(**named))
