"""One line for Claude Code's status line: what the session and the day cost, from the index of imports.

It is asked after every message, so it loads nothing but the index; an import that is due runs beside it, and the next
line shows what it found.  ``settings.json``::

    {"statusLine": {"type": "command", "command": "tokenbudget statusline --budget 20"}}
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_DUE_SECONDS = 10.0
_PICO = 10**12
_NOTHING = "tokenbudget: nothing imported yet"
_USAGE = "usage: tokenbudget statusline [--budget USD]\n"


def main(arguments: Sequence[str] = ()) -> int:
    """Print the line; returns the exit status."""
    budget = _budget(arguments)
    if budget is None:
        sys.stderr.write(_USAGE)
        return 2
    path = index_path()
    session = _session("" if sys.stdin.isatty() else sys.stdin.read())
    now = time.time()
    sys.stdout.write(line(path, session, now, budget) + "\n")
    if _is_due(path, now):
        _import_beside()
    return 0


def index_path() -> str:
    """Return where `tokenbudget.imports.state.index_of` has the index, without all that it loads."""
    home = os.environ.get("TOKENBUDGET_HOME") or "~/.tokenbudget"
    return os.path.join(os.path.expanduser(home), "imports", "state.db")  # noqa: PTH111, PTH118


def line(path: str, session: str, now: float, budget: float = 0.0) -> str:
    """Return what to show.

    Parameters
    ----------
    path : str
        Of the index.
    session : str
        Id of the session; empty: not known.
    now : float
        Unix seconds.
    budget : float
        US dollars a day; 0: none.
    """
    midnight = time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
    try:
        if not os.path.exists(path):  # noqa: PTH110
            return _NOTHING
        database = sqlite3.connect(path, timeout=0.02)
    except sqlite3.Error:
        return _NOTHING
    try:
        sums = "SELECT coalesce(sum(cost), 0), coalesce(sum(list_cost), 0) FROM calls"
        today = database.execute(f"{sums} WHERE at >= ?", (int(midnight * 1_000_000),)).fetchone()
        own = None if not session else database.execute(f"{sums} WHERE session = ?", (session,)).fetchone()
    except sqlite3.Error:
        return "tokenbudget: importing …"
    finally:
        database.close()
    parts = [] if own is None else [f"{_money(own)} session"]
    parts.append(f"{_money(today)} today")
    if budget:
        left = budget - today[0] / _PICO
        parts.append(f"${left:,.2f} of ${budget:,.2f} left" if left >= 0 else f"${-left:,.2f} over ${budget:,.2f}")
    return " · ".join(parts)


def _money(sums: tuple[int, int]) -> str:
    cost, at_list = sums
    return f"${cost / _PICO:,.2f}" if cost == at_list else f"${at_list / _PICO:,.2f} API-equivalent"


def _session(told: str) -> str:
    """Read the session's id out of what Claude Code writes to our input."""
    if not told.strip():
        return ""
    import json

    try:
        session = json.loads(told).get("session_id")
    except (ValueError, AttributeError):
        return ""
    return session if isinstance(session, str) else ""


def _budget(arguments: Sequence[str]) -> float | None:
    """Return the budget of a day; None where the arguments are not understood."""
    if not arguments:
        return 0.0
    name, _, value = arguments[0].partition("=")
    values = [value] if value else list(arguments[1:])
    if name != "--budget" or len(values) != 1:
        return None
    try:
        return max(0.0, float(values[0]))
    except ValueError:
        return None


def _is_due(path: str, now: float) -> bool:
    """Return whether the last import began some time ago; notes that one begins now."""
    mark = f"{path}.asked"
    try:
        if now - os.stat(mark).st_mtime < _DUE_SECONDS:  # noqa: PTH116
            return False
    except OSError:
        pass
    try:
        os.makedirs(os.path.dirname(mark), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        with open(mark, "w"):  # noqa: PTH123
            return True
    except OSError:
        return False  # Nothing could be imported either.


def _import_beside() -> None:
    import subprocess

    command = [sys.executable, "-m", "tokenbudget", "import", "claude-code", "--quiet"]
    nowhere = subprocess.DEVNULL
    subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)  # noqa: S603
