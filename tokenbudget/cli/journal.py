"""``tokenbudget doctor`` and ``tokenbudget push``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tokenbudget import config
from tokenbudget.core.formatting import number, plural

if TYPE_CHECKING:
    from tokenbudget.ledger.history import Piece
    from tokenbudget.transport.delivery import Outcome


@click.command()
def doctor() -> None:
    """Report whether recording works, and what to do if not; exit with 1 if there is a problem."""
    from tokenbudget.health_report import status
    from tokenbudget.imports.retention import retention_warnings

    report = status()
    click.echo(str(report))
    for warning in retention_warnings():
        click.echo(f"i {warning}")
    if report.problems:
        raise SystemExit(1)


@click.command()
@click.option("--retry", is_flag=True, help="Also send the events again that the server rejected.")
@click.option("--history", is_flag=True, help="Also send the events that were recorded before there was a server.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Maximum seconds to try.")
def push(*, retry: bool, history: bool, timeout: float) -> None:
    """Send the events on disk to the server now."""
    from tokenbudget.transport import push as deliver

    pushed = deliver(config.current(), retry=retry, timeout=timeout)
    click.echo(
        f"{plural(pushed.shipped, 'event')} sent, {number(pushed.pending)} still waiting, "
        f"{number(pushed.quarantined)} in quarantine."
    )
    if not pushed.delivered:
        raise click.ClickException(f"not everything was delivered: {pushed.detail or 'time ran out'}")
    if history:
        _push_history(config.current(), timeout)


def _push_history(settings: config.Config, patience: float) -> None:
    """Send the events kept on this machine; they stay here, and the server ignores those that it already has."""
    from tokenbudget.transport.backfill import backfill

    try:
        from tokenbudget.ledger.history import History
    except ModuleNotFoundError as error:
        msg = "--history needs polars, which is not installed: install the 'analytics' or the 'notebook' extra"
        raise click.ClickException(msg) from error
    kept = History(settings.home, str(settings.url), settings.api_key)
    counts = {"taken": 0, "refused": 0}
    reasons: list[str] = []
    with click.progressbar(length=kept.waiting, label="Sending what is kept here") as progress:

        def answered(piece: Piece, outcome: Outcome) -> None:
            kept.taken(piece)
            counts["taken"] += outcome.shipped
            counts["refused"] += len(outcome.rejected)
            reasons.extend(entry.reason for entry in outcome.rejected[:1])
            progress.update(len(piece.records))

        problem = backfill(settings, kept.pieces(), answered, patience)
    click.echo(f"{plural(counts['taken'], 'event')} of those kept here sent; the server has each once.")
    if counts["refused"]:
        click.echo(f"It refused {number(counts['refused'])}, which stay here (the first: {reasons[0]}).")
    if problem is not None:
        raise click.ClickException(f"not everything was sent: {problem}; run the same again to go on from here")
