"""``tb.import_agents``: what your coding agents cost, from what they leave on disk."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tokenbudget import config
from tokenbudget.core import period as periods
from tokenbudget.core.event import Billing
from tokenbudget.imports.importing import Options, run
from tokenbudget.imports.report import ImportReport


def import_agents(
    agents: str = "all",
    since: str | date | datetime | None = None,
    *,
    dry_run: bool = False,
    again: bool = False,
    billing: Billing | None = None,
    path: bool = False,
) -> ImportReport:
    """Import the calls of coding agents from their transcripts; each is one event, however often it is imported.

    Prompts and answers are read over: no text of them gets into an event.

    Parameters
    ----------
    agents : {"all", "claude-code", "codex", "gemini", "opencode"}
        Whose transcripts.
    since : str, date or datetime, optional
        Earlier calls are passed over: ``30d``, ``2026-10``, a date, or a time that says its zone.
    dry_run : bool
        Only tell what would be imported.
    again : bool
        Read everything anew, as after changing how calls are billed; what was imported stays one event each.
    billing : {"api", "subscription", "unknown"}, optional
        How the calls are billed; as ``config.toml`` says under ``[billing]`` by default.
    path : bool
        Whether the path of the project's folder becomes a tag; its name does in any case.

    Returns
    -------
    ImportReport
        By agent: new calls, tokens, cost in US dollars (billed, and at list price), and what was not understood.

    Raises
    ------
    TranscriptError
        If there is no such agent, another import is under way, or recording is switched off.
    ConfigError
        If the settings cannot be used.
    PeriodError
        If `since` is not understood.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> report = tb.import_agents("codex", since="30d")
    >>> report.calls
    0
    """
    return run(agents, Options(start(since), dry_run=dry_run, again=again, billing=billing, path=path))


def start(since: str | date | datetime | None) -> datetime | None:
    """Return the beginning of a period, a day or a time, in the configured zone."""
    if since is None:
        return None
    if isinstance(since, datetime) and since.tzinfo is not None:
        return since.astimezone(UTC)
    return periods.parse(since, datetime.now(UTC), config.current().tz).start
