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
    """Say how recording is doing and what to mend; ends with 1 if something is wrong."""
    from tokenbudget.health_report import status
    from tokenbudget.imports.retention import retention_warnings

    report = status()
    click.echo(str(report))
    for warning in retention_warnings():
        click.echo(f"i {warning}")
    if report.problems:
        raise SystemExit(1)


@click.command()
@click.option("--retry", is_flag=True, help="Send events that the server refused again, too.")
@click.option("--history", is_flag=True, help="Send what was kept on this machine before there was a server, too.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds to try at most.")
def push(*, retry: bool, history: bool, timeout: float) -> None:
    """Send what waits on disk to the server, now."""
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
    """Send what is kept here; it stays here, too, and events the server has already change nothing."""
    from tokenbudget.transport.backfill import hand_over

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
            counts["refused"] += len(outcome.poison)
            reasons.extend(entry.reason for entry in outcome.poison[:1])
            progress.update(len(piece.records))

        problem = hand_over(settings, kept.pieces(), answered, patience)
    click.echo(f"{plural(counts['taken'], 'event')} of those kept here sent; the server has each once.")
    if counts["refused"]:
        click.echo(f"It refused {number(counts['refused'])}, which stay here (the first: {reasons[0]}).")
    if problem is not None:
        raise click.ClickException(f"not everything was sent: {problem}; run the same again to go on from here")
