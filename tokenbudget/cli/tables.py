"""Tables for people in a terminal: money, tokens and bars, also where there is little room, and plain when piped."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tokenbudget.core.formatting import dollars, number, percent, short_number

_GAP = 2
_NAME = 12
"""Characters that a name has at least."""
_BAR = (6, 24)
_BLOCKS = " ▏▎▍▌▋▊▉█"
_NOT_SET = "(none)"
_LEFT_OUT_FIRST = ("out", "in", "share", "calls")
"""Columns that go where there is no room, in this order."""

Row = dict[str, Any]


class Group(NamedTuple):
    """One line of a table.

    Attributes
    ----------
    name : str
    calls, input_tokens, output_tokens : int or None
        None: not known.
    cost, list_cost : Decimal or None
        US dollars: billed by the token, and at list price.
    """

    name: str
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None
    list_cost: Decimal | None


def group(row: Row, by: Sequence[str] = ()) -> Group:
    """Read a row of an answer."""
    names = [_NOT_SET if row[name] is None else str(row[name]) for name in by]
    cost, list_cost = (None if row[name] is None else Decimal(str(row[name])) for name in ("cost_usd", "list_cost_usd"))
    return Group(" · ".join(names), row["requests"], row["input_tokens"], row["output_tokens"], cost, list_cost)


def bar(share: float, width: int) -> str:
    """Draw a share as a bar of eighths of a character.

    Examples
    --------
    >>> bar(0.5, 4), bar(0.01, 4), bar(0.0, 4)
    ('██', '▏', '')
    """
    eighths = round(share * width * 8)
    if not eighths and share > 0:
        eighths = 1
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def table(groups: Sequence[Group], total: Group, title: str, width: int) -> Table:
    """Lay out groups, largest first, with their total; columns that do not fit are left out.

    Parameters
    ----------
    width : int
        Characters of the terminal.
    """
    has_plan = any(one.list_cost != one.cost for one in (*groups, total))
    sizes = [_size(one, has_plan=has_plan) for one in groups]
    columns = _columns(groups, total, sizes, has_plan=has_plan)
    widths = {name: max(map(len, (name, *cells))) for name, cells in columns.items()}
    for name in _LEFT_OUT_FIRST:
        if _NAME + sum(widths.values()) + _GAP * len(widths) > width:
            del widths[name]
    left = width - sum(widths.values()) - _GAP * len(widths)
    longest = max((len(one.name) for one in groups), default=0)
    name_width = max(min(left, _NAME), min(left, max(longest, len(title), len("total"))))
    room = min(left - name_width - _GAP, _BAR[1])
    made = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_footer=True, header_style="dim", footer_style="bold"
    )
    made.add_column(title, "total", overflow="ellipsis", no_wrap=True, width=name_width)
    for name, wide in widths.items():
        made.add_column(name, columns[name][-1], justify="right", no_wrap=True, width=wide)
    bars = _bars(sizes, room) if room >= _BAR[0] else None
    if bars is not None:
        made.add_column("", "", no_wrap=True, width=room)
    for at, one in enumerate(groups):
        cells = [columns[name][at] for name in widths]
        made.add_row(one.name, *cells, *([] if bars is None else [Text(bars[at], style="cyan")]))
    return made


def _columns(
    groups: Sequence[Group], total: Group, sizes: Sequence[Decimal], *, has_plan: bool
) -> dict[str, list[str]]:
    """Write the cells of each column, the total's last."""
    every, whole = [*groups, total], sum(sizes, Decimal(0))
    columns = {
        "calls": [number(one.calls) for one in every],
        "in": [short_number(one.input_tokens) for one in every],
        "out": [short_number(one.output_tokens) for one in every],
        "billed" if has_plan else "cost": [dollars(one.cost) for one in every],
    }
    if has_plan:
        columns["API-equivalent"] = [dollars(one.list_cost) for one in every]
    return columns | {"share": [*(percent(float(size / whole)) if whole else "" for size in sizes), ""]}


def _bars(sizes: Sequence[Decimal], room: int) -> list[str]:
    largest = max(sizes, default=Decimal(0))
    return [bar(float(size / largest), room) if largest else "" for size in sizes]


def _size(one: Group, *, has_plan: bool) -> Decimal:
    cost = one.list_cost if has_plan else one.cost
    return Decimal(0) if cost is None else cost


def console() -> Console:
    """Return where tables go: without colours when it is no terminal."""
    return Console(highlight=False)
