"""Spend over time as stacked bars: the content of the chart, without drawing it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Any

from tokenbudget.core.date_formatting import bucket, short_bucket
from tokenbudget.core.formatting import axis_dollars, dollars, exact_dollars, plural
from tokenbudget.core.query import Interval, default_interval
from tokenbudget.plotting import palette
from tokenbudget.plotting.cost_figure import CostFigure, Layer, cost_figure
from tokenbudget_panel.answers import Snapshot

_GAP = 0.16
"""Part of a bucket's width that stays empty."""
_HEADROOM = 1.04
_MOST_TICKS = 5
_MOST_LABELS = 7
_CLOCK = {"15min", "hour"}
_STEPS_BACK: dict[Interval, tuple[int, ...]] = {
    "15min": (15, 30, 60, 120),
    "hour": (60, 120, 240, 360, 720, 1440),
    "day": (1, 2, 5, 7, 14, 28, 56),
    "week": (1, 2, 4, 8, 13, 26),
    "month": (1, 2, 3, 6, 12, 24, 60),
}
"""Minutes, or buckets, between labels."""
_STEPS = (1, 2, 2.5, 5, 10)
_TITLES: dict[Interval, str] = {
    "15min": "quarter of an hour",
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
}

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Bars:
    """Stacked bars.

    Attributes
    ----------
    blocks : dict of str to list
        One drawn block per group and bucket: left, right, bottom, top (US dollars), colour.
    slots : dict of str to list
        One entry per bucket, as high as the figure: left, right, bottom, top and ``tip``, its words as safe HTML.
    count : int
        Number of buckets.
    labels : dict of int to str
        Buckets that are marked, and the words below them.
    ticks : dict of float to str
        Heights that are marked, in US dollars, and what is written beside them.
    top : float
        Height of the figure, US dollars.
    legend : list of tuple of str
        Name, colour and total of each group, largest first.
    per : str
        What a bar stands for.
    """

    blocks: Columns
    slots: Columns
    count: int
    labels: dict[int, str]
    ticks: dict[float, str]
    top: float
    legend: list[tuple[str, str, str]]
    per: str


def bars(snapshot: Snapshot) -> Bars:
    """Build the bars of a snapshot's time series."""
    query = snapshot.query
    figure = cost_figure(snapshot.series, snapshot.spans, query)
    interval = query.interval or default_interval(query.period)
    heights = [sum(costs) for costs in zip(*(layer.costs for layer in figure.layers), strict=True)]
    ticks = tick_labels(max(heights, default=0.0))
    top = max([*ticks, max(heights, default=0.0) * _HEADROOM])
    return Bars(
        blocks=_blocks(figure.layers),
        slots=_slots(figure, snapshot, interval, top),
        count=len(figure.buckets),
        labels=labels(figure.buckets, interval),
        ticks=ticks,
        top=top,
        legend=[(layer.label, layer.colour, dollars(layer.total)) for layer in figure.layers],
        per=_TITLES[interval],
    )


def _blocks(layers: Iterable[Layer]) -> Columns:
    columns: Columns = {"left": [], "right": [], "bottom": [], "top": [], "colour": []}
    floors: dict[int, float] = {}
    for layer in layers:
        for i, cost in enumerate(layer.costs):
            if cost:
                bottom = floors.get(i, 0.0)
                floors[i] = bottom + cost
                edges = (i - 0.5 + _GAP / 2, i + 0.5 - _GAP / 2, bottom, floors[i], layer.colour)
                for name, value in zip(columns, edges, strict=True):
                    columns[name].append(value)
    return columns


def _slots(figure: CostFigure, snapshot: Snapshot, interval: Interval, top: float) -> Columns:
    numbers = range(len(figure.buckets))
    rows = snapshot.series.to_dicts()
    groups = len(figure.layers)
    return {
        "left": [i - 0.5 for i in numbers],
        "right": [i + 0.5 for i in numbers],
        "bottom": [0.0] * len(numbers),
        "top": [top] * len(numbers),
        # Rows come bucket by bucket, in each the groups in the layers' order.
        "tip": [
            _tip(bucket(start, interval), figure.layers, rows[i * groups : (i + 1) * groups])
            for i, start in enumerate(figure.buckets)
        ],
    }


def _tip(title: str, layers: list[Layer], rows: list[dict[str, Any]]) -> str:
    used = [(layer, row) for layer, row in zip(layers, rows, strict=True) if row["requests"]]
    known = [row["cost_usd"] for _, row in used if row["cost_usd"] is not None]
    lines = "".join(
        f'<tr><td><i style="background:{layer.colour}"></i></td><td>{escape(layer.label)}</td>'
        f"<td>{exact_dollars(row['cost_usd'])}</td><td>{plural(row['requests'], 'call')}</td></tr>"
        for layer, row in reversed(used)
    )
    cost = sum(known, Decimal()) if known else None
    total = (
        f"<tr class='total'><td></td><td>Total</td><td>{exact_dollars(cost)}</td>"
        f"<td>{plural(sum(row['requests'] for row in rows), 'call')}</td></tr>"
    )
    return f"<b>{escape(title)}</b><table>{lines}{total if used else ''}</table>{'' if used else 'no calls'}"


def labels(starts: Sequence[datetime], interval: Interval) -> dict[int, str]:
    """Choose at most seven buckets to label: full hours, else counted back from the last one.

    Parameters
    ----------
    starts : sequence of datetime
        When the buckets begin, in the zone that is shown.
    interval : str
        Their length.
    """
    for step in _STEPS_BACK[interval]:
        marked = [i for i, start in enumerate(starts) if _is_marked(i - len(starts) + 1, start, interval, step)]
        if len(marked) <= _MOST_LABELS:
            break
    return {i: short_bucket(starts[i], interval) for i in marked}


def _is_marked(back: int, start: datetime, interval: Interval, step: int) -> bool:
    if interval in _CLOCK:
        return (60 * start.hour + start.minute) % step == 0
    return back % step == 0


def tick_labels(highest: float) -> dict[float, str]:
    """Choose ticks from 0 up to at least `highest` dollars, with labels that differ.

    Examples
    --------
    >>> tick_labels(7.3)
    {0.0: '$0', 2.0: '$2', 4.0: '$4', 6.0: '$6', 8.0: '$8'}
    >>> list(tick_labels(0.00031).values())
    ['$0', '$0.0001', '$0.0002', '$0.0003', '$0.0004']
    >>> list(tick_labels(0).values())
    ['$0']
    """
    if highest <= 0:
        return {0.0: "$0"}
    exponent = math.floor(math.log10(highest / _MOST_TICKS))
    size = Decimal(10) ** exponent
    step = next(s for s in (Decimal(str(step)) * size for step in _STEPS) if s * _MOST_TICKS >= Decimal(str(highest)))
    marks = [step * i for i in range(math.ceil(Decimal(str(highest)) / step) + 1)]
    return {float(mark): axis_dollars(mark, step) for mark in marks}


def legend_html(shown: Bars) -> str:
    """Return the legend as HTML."""
    entries = "".join(
        f'<li><i style="background:{colour}"></i><span>{escape(name)}</span> <b>{total}</b></li>'
        for name, colour, total in shown.legend
    )
    return f'<ul class="legend">{entries}</ul>'


def swatches(shown: Bars) -> dict[str, str]:
    """Return the colour of each group, by its displayed name."""
    return {name: colour for name, colour, _ in shown.legend} | {"other": palette.OTHER}
