"""``tokenbudget import`` and ``tokenbudget statusline``."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from tokenbudget.core.event import Billing
from tokenbudget.core.formatting import dollars, short_number

if TYPE_CHECKING:
    from tokenbudget.imports.importing import Options, Progress
    from tokenbudget.imports.report import ImportReport

_POLL_SECONDS = 2.0
_SHOW_EVERY = 0.1
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


@click.command("import")
@click.argument("agent", default="all", metavar="[claude-code|codex|gemini|opencode|all]")
@click.option("--since", metavar="PERIOD", help="Pass over earlier calls: 30d, 2026-10, 2026-10-05.")
@click.option("--watch", is_flag=True, help="Go on: import what the agents write, until Ctrl-C.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be imported.")
@click.option("--again", is_flag=True, help="Read everything anew; what was imported stays one event each.")
@click.option(
    "--billing", type=click.Choice(get_args(Billing)), help="How the calls are billed, whatever is configured."
)
@click.option("--path", is_flag=True, help="Tag calls with the path of their project, too.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing, and do nothing where another import is under way.")
@click.option("--explain", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Import nothing: go through a transcript line by line and say what counts, and why.")  # fmt: skip
def import_transcripts(  # noqa: PLR0913 (one argument per option)
    agent: str,
    since: str | None,
    billing: Billing | None,
    explain: Path | None,
    *,
    watch: bool,
    dry_run: bool,
    again: bool,
    path: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Import what coding agents left on disk: each model call once, priced as of its day, with no text of it."""
    from tokenbudget.imports.api import start
    from tokenbudget.imports.importing import Options

    if explain is not None:
        _explain(agent, explain)
        return
    wait = 0.0 if quiet else 30.0
    options = Options(start(since), dry_run=dry_run, again=again, billing=billing, path=path, wait=wait)
    if watch:
        _watch(agent, options)
        return
    report = _import(agent, options, quiet=quiet or as_json)
    if as_json:
        import json

        click.echo(json.dumps(report.as_dict(), indent=2))
    elif not quiet:
        click.echo(f"Would import (nothing was recorded):\n{report}" if dry_run else str(report))


def _import(agent: str, options: Options, *, quiet: bool) -> ImportReport:
    """Import, and see to it that what was found arrives."""
    from tokenbudget.imports.importing import run
    from tokenbudget.recording import recorder

    bar = _Bar()
    try:
        report = run(agent, options, (lambda _: None) if quiet else bar.show)
    finally:
        bar.clear()
    if not options.dry_run and not recorder.flush(60.0):
        click.echo("Not everything has reached the server yet: `tokenbudget push` sends what waits.", err=True)
    return report


def _watch(agent: str, options: Options) -> None:
    """Import what is written, and say so, until interrupted."""
    from dataclasses import replace

    click.echo(str(_import(agent, options, quiet=False)))
    click.echo("Watching; Ctrl-C ends.", err=True)
    again = replace(options, again=False)
    try:
        while True:
            time.sleep(_POLL_SECONDS)
            report = _import(agent, again, quiet=True)
            for tally in report.agents.values():
                if tally.calls or tally.amended:
                    amended = f", {tally.amended} amended" if tally.amended else ""
                    cost = dollars(tally.list_cost_usd)
                    click.echo(f"{datetime.now():%H:%M:%S} {tally.title}: +{tally.calls}{amended}, {cost}")  # noqa: DTZ005
    except KeyboardInterrupt:
        click.echo("")


class _Bar:
    """One line of progress on a terminal: how far, how fast, how much money so far."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = 0.0
        self._width = 0

    def show(self, progress: Progress) -> None:
        """Write the line, now and then."""
        now = time.monotonic()
        if now - self._shown < _SHOW_EVERY or not sys.stderr.isatty():
            return
        self._shown = now
        rate = progress.done / max(now - self._began, 1e-3)
        report = progress.report
        text = (
            f"{_size(progress.done)} of {_size(progress.total)} · {_size(rate)}/s · "
            f"{short_number(report.calls)} calls · {dollars(report.list_cost_usd)}"
        )
        click.echo(f"\r{text.ljust(self._width)}", nl=False, err=True)
        self._width = len(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", nl=False, err=True)


def _size(count: float) -> str:
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} B"


def _explain(agent: str, path: Path) -> None:
    from tokenbudget.imports.explain import explained

    for line in explained(agent, path):
        click.echo(line)


@click.command()
@click.option(
    "--budget", type=float, default=0.0, metavar="USD", help="What a day may cost: the line says what is left."
)
def statusline(budget: float) -> None:
    """Print one line for Claude Code's status line: what the session and today cost, and what is left of a budget.

    In Claude Code's settings.json: "statusLine": {"type": "command", "command": "tokenbudget statusline"}
    """
    from tokenbudget.imports.statusline import main

    raise SystemExit(main([f"--budget={budget}"] if budget else []))
