"""Agents delete their transcripts after a while: what was not imported by then is gone."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tokenbudget.imports.agent import Agent
from tokenbudget.imports.agents import agents
from tokenbudget.imports.files import find

_LONG_DAYS = 365
_SUGGESTED_DAYS = 3650


def retention_warnings() -> list[str]:
    """Say which agents on this machine delete transcripts soon, and which line to change."""
    return [text for agent in agents().values() if agent.retention for text in _of(agent, *agent.retention)]


def _of(agent: Agent, file: str, setting: str, default: int) -> list[str]:
    homes = {Path(one.home) for one in find(agent)}
    found = []
    for home in sorted(homes):
        days = _days(home / file, setting, default)
        if days < _LONG_DAYS:
            found.append(
                f"{agent.title} deletes transcripts after {days} days: what `tokenbudget import {agent.name}` has read"
                f' by then is kept; to keep them, too, put "{setting}": {_SUGGESTED_DAYS} into {home / file}'
            )
    return found


def _days(path: Path, setting: str, default: int) -> int:
    try:
        told = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return default
    value = told.get(setting) if isinstance(told, dict) else None
    return value if type(value) is int else default
