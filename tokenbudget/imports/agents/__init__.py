"""The coding agents whose transcripts can be imported: one module each, found by itself.

To add an agent
---------------
Make ``agents/<name>.py`` with one name, ``AGENT``: a `tokenbudget.imports.agent.Agent`.  It declares where transcripts
lie, which bytes a record of interest holds, and the class that reads them, record by record, into
`tokenbudget.imports.agent.Call` objects.  A call's ``key`` is its identity: the same for every copy of the record.

How counts are read is a table (our field -> theirs) and the rules of `tokenbudget.capture.usage`: ``input_tokens``
includes cached tokens and ``output_tokens`` includes reasoning, whatever the agent's own fields mean.  A record that is
not understood is reported with the reason, never guessed.  Write synthetic transcripts for every fault you know of into
``tests/unit/imports/agents/``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tokenbudget.core.errors import TranscriptError
from tokenbudget.imports.agent import Agent


@cache
def agents() -> dict[str, Agent]:
    """Return the agents that are known, by name."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}."))
    found: list[Agent] = [importlib.import_module(name).AGENT for name in modules]
    return {agent.name: agent for agent in found}


def chosen(name: str) -> list[Agent]:
    """Return the agent of that name, or all of them.

    Raises
    ------
    TranscriptError
        If there is no such agent.
    """
    known = agents()
    if name == "all":
        return list(known.values())
    if name not in known:
        msg = f"unknown agent {name!r}: use {', '.join(known)} or all"
        raise TranscriptError(msg)
    return [known[name]]
