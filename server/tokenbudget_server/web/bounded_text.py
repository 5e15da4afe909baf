"""Texts that quote what a client sent, none of which it can make long."""

from __future__ import annotations

import traceback

_LONGEST_DETAIL = 2_000
_LONGEST_LINE = 500
_LONGEST_STACK = 8_000


def clip(text: str) -> str:
    """Return a text that an answer may quote, shortened."""
    return text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"


def one_line(said: object) -> str:
    """Return what is said as one line of the log."""
    return " ".join(str(said)[: _LONGEST_LINE + 1].split())[:_LONGEST_LINE]


def stack_of(error: Exception) -> str:
    """Return where a mistake of ours happened: the end of it, where the error is, if it is long."""
    return "".join(traceback.format_exception(error))[-_LONGEST_STACK:]
