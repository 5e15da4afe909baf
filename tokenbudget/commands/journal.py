"""``tokenbudget doctor`` and ``tokenbudget push``."""

from __future__ import annotations

import click

from tokenbudget import config


@click.command()
def doctor() -> None:
    """Say how recording is doing and what to mend; ends with 1 if something is wrong."""
    from tokenbudget.doctor import status

    report = status()
    click.echo(str(report))
    if report.problems:
        raise SystemExit(1)


@click.command()
@click.option("--retry", is_flag=True, help="Send events that the server refused again, too.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds to try at most.")
def push(*, retry: bool, timeout: float) -> None:
    """Send what waits on disk to the server, now."""
    from tokenbudget.transport import push as deliver

    pushed = deliver(config.current(), retry=retry, timeout=timeout)
    click.echo(
        f"{pushed.shipped:,} events sent, {pushed.pending:,} still waiting, {pushed.quarantined:,} in quarantine."
    )
    if not pushed.delivered:
        raise click.ClickException(f"not everything was delivered: {pushed.detail or 'time ran out'}")
