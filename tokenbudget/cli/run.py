"""``tokenbudget run -- python job.py``: any command, measured, with what it cost at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import click

from tokenbudget.core.formatting import duration, plural

_STARTUP = Path(__file__).with_name("startup")
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_BY_SIGNAL = 128


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--json", "as_json", is_flag=True, help="Print what it cost as JSON, on standard error.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], *, as_json: bool) -> None:
    r"""Run a command with all its Python processes measured, and say what it cost; its exit status is kept.

    \b
    tokenbudget run -- python job.py
    tokenbudget run --json -- pytest tests/
    """
    from tokenbudget.core.ids import uuid7

    name, began = uuid7(), time.monotonic()
    status = _run(command, _environment(name))
    took = time.monotonic() - began
    try:
        _tell(name, took, as_json=as_json)
    except Exception as error:  # noqa: BLE001 (the command's own status matters more)
        click.echo(f"tokenbudget: what it cost cannot be told: {error}", err=True)
    raise SystemExit(status)


def _environment(name: str) -> dict[str, str]:
    """Return the environment in which each Python measures all clients, and tags calls with the run."""
    known = dict(os.environ)
    tags = ",".join(part for part in (known.get("TOKENBUDGET_TAGS", ""), f"run={name}") if part)
    path = os.pathsep.join(part for part in (str(_STARTUP), known.get("PYTHONPATH", "")) if part)
    return known | {"TOKENBUDGET_AUTO": "1", "TOKENBUDGET_TAGS": tags, "PYTHONPATH": path}


def _run(command: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run the command to its end; Ctrl-C is the command's, which gets it from the terminal as well."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = subprocess.Popen(command, env=environment, preexec_fn=_interruptible).wait()  # noqa: S603, PLW1509
    except FileNotFoundError:
        click.echo(f"tokenbudget run: no such command: {command[0]}", err=True)
        return _NOT_FOUND
    except OSError as error:
        click.echo(f"tokenbudget run: cannot run {command[0]}: {error.strerror or error}", err=True)
        return _NOT_EXECUTABLE
    finally:
        signal.signal(signal.SIGINT, before)
    return _BY_SIGNAL - status if status < 0 else status


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


_interruptible = None if os.name == "nt" else _default_interrupt


def _tell(name: str, took: float, *, as_json: bool) -> None:
    import warnings

    import tokenbudget as tb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = tb.summary("7d", run=name, backend="polars").row(0, named=True)
        rows = tb.by("model", period="7d", run=name, backend="polars").to_dicts()
    if as_json:
        click.echo(_json({"run": name, "seconds": round(took, 3), "summary": whole, "models": rows}), err=True)
        return
    from rich.console import Console

    from tokenbudget.cli import tables

    shown = Console(stderr=True, highlight=False)
    shown.print(f"[dim]tokenbudget:[/] {plural(whole['requests'], 'call')} in {duration(took * 1000)}")
    if rows:
        groups = [tables.group(row, ["model"]) for row in rows]
        shown.print(tables.table(groups, tables.group(whole), "model", shown.width))
    if whole["unpriced"]:
        shown.print(f"[yellow]{plural(whole['unpriced'], 'call')} without a price, not included[/]")


def _json(told: dict[str, Any]) -> str:
    import msgspec

    return msgspec.json.encode(told).decode()
