"""The open journals of this process: reset them after a fork, and apply changed settings."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from tokenbudget import config
from tokenbudget.journal.segments.segment import close_inherited

if TYPE_CHECKING:
    from tokenbudget.journal.writing.writer import Journal

_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def enter(journal: Journal) -> None:
    """Keep a weak reference to `journal`."""
    _journals.add(journal)


def in_this_process(home: Path) -> list[Journal]:
    """Return the journals of `home` that this process writes."""
    return [journal for journal in list(_journals) if journal.home == home]


def _forked() -> None:
    close_inherited()
    for journal in list(_journals):
        journal.after_fork()


def _follow_settings(_settings: config.Config) -> None:
    for journal in list(_journals):
        journal.follow_settings()


config.on_change(_follow_settings)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
