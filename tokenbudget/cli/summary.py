"""``tokenbudget summary`` and ``tokenbudget top``: what was spent, as a table for people or as JSON."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from tokenbudget import config
from tokenbudget.core.date_formatting import period
from tokenbudget.core.formatting import change, dollars, percent, plural, short_number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_REFRESH_SECONDS = 2.0
_DAYS_A_MONTH = 30
_TOP = ("model", "agent", "tag.project", "user_id", "feature")
"""What `top` splits by, where nothing is named and calls have it."""
_PERIOD = click.option(
    "--period", default="30d", show_default=True, help="24h, 7d, mtd, 2026-10, 2026-10-01..2026-10-15."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@click.option(
    "--by", multiple=True, metavar="NAME", help="Split by a dimension or tag: model, agent, project, billing, …"
)
@_PERIOD
@_JSON
def summary(by: tuple[str, ...], period: str, *, as_json: bool) -> None:
    """Say what was spent in a period, and on what."""
    found = _Answer.of(period, [name for given in by for name in given.split(",")])
    if as_json:
        click.echo(found.json())
        return
    from tokenbudget.cli import tables

    shown = tables.console()
    shown.print(*found.headline(shown.width), sep="\n")
    if by:
        shown.print()
        shown.print(found.table(shown.width))


@click.command()
@click.option("--by", metavar="NAME", help="Rank by this dimension or tag alone.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Lines of each table.")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
@_PERIOD
@_JSON
def top(by: str | None, limit: int, period: str, *, watch: bool, as_json: bool) -> None:
    """Rank what costs most: models, agents, projects, users, features."""
    if as_json:
        click.echo(_Answer.of(period, [by or "model"], limit).json())
        return
    from tokenbudget.cli import tables

    shown = tables.console()
    if not watch:
        _print_top(shown, period, by, limit)
        return
    from rich.live import Live

    with Live(console=shown, auto_refresh=False, screen=shown.is_terminal) as live:
        try:
            while True:
                live.update(_top(period, by, limit, shown.width), refresh=True)
                time.sleep(_REFRESH_SECONDS)
        except KeyboardInterrupt:
            return


def _print_top(shown: Console, period: str, by: str | None, limit: int) -> None:
    shown.print(_top(period, by, limit, shown.width))


def _top(period: str, by: str | None, limit: int, width: int) -> RenderableType:
    from rich.console import Group

    whole = _Answer.of(period, [])
    parts: list[RenderableType] = list(whole.headline(width))
    for name in (by,) if by else _TOP:
        found = _Answer.of(period, [name], limit)
        if by or any(row[_column(name)] is not None for row in found.rows):
            parts += ["", found.table(width)]
    return Group(*parts)


def _column(name: str) -> str:
    """Return the column of an answer that holds what it is split by."""
    return "unpriced_reason" if name == "unpriced" else name


class _Answer:
    """What was asked and answered.

    Parameters
    ----------
    period : str
    by : sequence of str
    whole : dict
        The period's sums.
    rows : list of dict
        Those of the groups.
    """

    def __init__(self, period: str, by: Sequence[str], whole: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        self.period = period
        self.by = by
        self.whole = whole
        self.rows = rows

    @classmethod
    def of(cls, period: str, by: Sequence[str], limit: int | None = None) -> _Answer:
        """Ask."""
        import tokenbudget as tb

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The headline says how many calls have no price.
            whole = tb.summary(period, backend="polars").row(0, named=True)
            rows = tb.by(list(by), period=period, limit=limit, backend="polars").to_dicts() if by else []
        return cls(period, by, whole, rows)

    def json(self) -> str:
        """Return it as JSON."""
        import msgspec

        told = {"summary": self.whole} | ({"by": list(self.by), "rows": self.rows} if self.by else {})
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()

    def headline(self, width: int) -> list[str]:
        """Say the sums in a few lines."""
        whole = self.whole
        if not whole["requests"]:
            return [
                f"[bold]{period(self.period).capitalize()}[/]: no calls are recorded.",
                "Wrap a client with tb.wrap(...), or run `tokenbudget import` for what coding agents left on disk.",
            ]
        cost, at_list = _usd(whole["cost_usd"]), _usd(whole["list_cost_usd"])
        moved = change(cost, _usd(whole["previous_cost_usd"]))
        lines = [f"[bold]{period(self.period).capitalize()}[/]", f"[bold]{dollars(cost)}[/] billed {moved}".rstrip()]
        if at_list != cost:
            lines.append(f"[bold]{dollars(at_list)}[/] API-equivalent, with what a plan covers or was prepaid")
            lines += self._worth()
        read = whole["cache_hit_rate"]
        cached = f" ({percent(read)} from the cache)" if read else ""
        tokens = f"{short_number(whole['input_tokens'])} tokens in{cached}, {short_number(whole['output_tokens'])} out"
        calls = plural(whole["requests"], "call")
        lines += [f"{calls} · {tokens}"] if width >= 72 else [calls, tokens]  # noqa: PLR2004
        if whole["unpriced"]:
            lines.append(f"[yellow]{plural(whole['unpriced'], 'call')} without a price, not included: tb.coverage()[/]")
        return lines

    def table(self, width: int) -> RenderableType:
        """Lay out the groups."""
        from tokenbudget.cli import tables

        groups = [tables.group(row, [_column(name) for name in self.by]) for row in self.rows]
        title = " · ".join(name.removeprefix("tag.") for name in self.by)
        return tables.table(groups, tables.group(self.whole), title, width)

    def _worth(self) -> list[str]:
        """Say how many times its fee a plan was worth, where its fee is configured."""
        from tokenbudget.imports.billing import BillingRules

        fees = BillingRules(config.current().home).fees
        if not fees:
            return []
        import tokenbudget as tb

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = tb.by("agent", period=self.period, billing="subscription", backend="polars").to_dicts()
            days = _days(self.period)
        told = []
        for row in rows:
            fee = fees.get(row["agent"])
            if fee and row["list_cost_usd"]:
                share = fee * days / _DAYS_A_MONTH
                told.append(f"Your {row['agent']} plan was worth {_usd(row['list_cost_usd']) / share:.1f} × its fee")
        return told


def _days(name: str) -> Decimal:
    from datetime import UTC, datetime

    from tokenbudget.core.period import parse

    asked = parse(name, datetime.now(UTC), config.current().tz)
    return Decimal(str((asked.end - asked.start).total_seconds())) / 86_400


def _usd(value: float | None) -> Any:
    return None if value is None else Decimal(str(value))
