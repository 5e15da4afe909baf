"""The server's commands; what they need is imported when they run."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from tokenbudget.core.formatting import number, plural
from tokenbudget_server.settings import Settings, read_settings

_MOST_WORKERS = 4


def _listening(settings: Settings, host: str | None, port: int | None, panel_port: int | None = None) -> Settings:
    return replace(
        settings,
        host=host or settings.host,
        port=settings.port if port is None else port,
        panel_port=settings.panel_port if panel_port is None else panel_port,
    )


_host = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
_PORT = click.IntRange(0, 65_535)
_port = click.option("--port", type=_PORT, help="Port to listen on; 0 takes any that is free.  [default: 8321]")


@click.command()
@_host
@_port
@click.option("--panel-port", type=_PORT, help="Port of the Panel dashboard.  [default: 8322]")
@click.option("--demo", is_flag=True, help="Fill a demo project with 90 days of made-up usage.")
@click.option("--panel/--no-panel", default=True, help="Start the Panel dashboard too.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that serve the API.")
def up(*, host: str | None, port: int | None, panel_port: int | None, demo: bool, panel: bool, workers: int) -> None:
    """Start everything on this machine: database, API and dashboards."""
    from tokenbudget_server.launch.up import Options
    from tokenbudget_server.launch.up import up as run

    settings = read_settings()
    settings = replace(_listening(settings, host, port, panel_port), demo=demo or settings.demo)
    run(Options(settings=settings, panel=panel, workers=workers))


@click.command()
@_host
@_port
@click.option("--workers", type=click.IntRange(1), help=f"Processes.  [default: one per CPU, at most {_MOST_WORKERS}]")
def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the API and the dashboard on the Postgres of TOKENBUDGET_DATABASE_URL."""
    from tokenbudget_server.launch import api, ports, prepare

    settings = _listening(read_settings(), host, port)
    settings = replace(settings, port=ports.claim(settings.host, {"--port": settings.port})["--port"])
    workers = workers or min(_MOST_WORKERS, os.cpu_count() or 1)
    prepare.prepare(settings, workers)
    api.serve(settings.host, settings.port, workers)


@click.group()
def ledger() -> None:
    """Look after the closed days that analytics reads."""


@ledger.command()
def rebuild() -> None:
    """Write every closed day anew from the Postgres of TOKENBUDGET_DATABASE_URL.

    Answers do not depend on it: a day that is missing or old is written when it is asked for.  Servers may be running.
    """
    from tokenbudget_server.ledger import Days

    settings = read_settings()
    days = Days(settings.database, settings.ledger)
    done = 0
    try:
        for done, total in days.rebuild():
            click.echo(f"  {number(done)} of {plural(total, 'day')}", err=True)
        click.echo(f"Wrote {plural(done, 'day')} to {settings.ledger}.")
    except OSError as error:
        raise click.ClickException(f"{plural(done, 'day')} written, the next could not be: {error}") from error
    finally:
        days.close()


@click.group()
def db() -> None:
    """Look after the server's database."""


@db.command()
@click.option("--dry-run", is_flag=True, help="Print the SQL that would be sent, and change nothing.")
@click.option("--despite-sessions", is_flag=True, help="Go on although other programs are connected.")
def distribute(*, dry_run: bool, despite_sessions: bool) -> None:
    """Spread the database of TOKENBUDGET_DATABASE_URL, a Citus coordinator, over its cluster.

    It may be empty or filled.  Stop the servers first.  Stopped half-way, it goes on where it was; on a distributed
    database it does nothing.
    """
    from tokenbudget_server.db import migrate
    from tokenbudget_server.db.distribute import coordinator

    url = read_settings().database
    with coordinator(url) as citus:
        click.echo(f"Citus {citus.version} with {plural(citus.workers, 'worker')}.", err=True)
        if dry_run:
            for step in citus.plan():
                click.echo(f"{step.sql};")
            return
        if not despite_sessions:
            citus.refuse_other_sessions()
        migrate(url)
        steps = 0
        for step in citus.distribute():
            click.echo(f"  {step.what}")
            steps += 1
    click.echo(f"Distributed in {plural(steps, 'step')}." if steps else "It is distributed already: nothing to do.")
    if not citus.workers:
        click.echo("There are no workers yet. For each: SELECT citus_add_node('its address', 5432); then")
        click.echo("SELECT citus_rebalance_start();")
