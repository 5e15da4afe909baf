"""Cost figures drawn by matplotlib, with a transparent background for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from tokenbudget.core import date_formatting, formatting
from tokenbudget.plotting import palette
from tokenbudget.plotting.cost_figure import CostFigure, Layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.layout_engine import LayoutEngine

Kind = Literal["bar", "line", "cumulative"]
_SIZE = (9.0, 4.2)
_MOST_TICKS = 8
_DAY_SECONDS = 86_400


def draw(shown: CostFigure, kind: Kind, ax: Axes | None = None) -> Figure | SubFigure:
    """Draw a cost figure.

    Parameters
    ----------
    shown : CostFigure
    kind : {"bar", "line", "cumulative"}
        Stacked bars, one line per group, or stacked running totals.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own when left out.
    """
    from matplotlib import pyplot as plt

    own = None
    if ax is None:
        own = plt.figure(figsize=_SIZE, layout=_layout(), facecolor="none")
        ax = own.add_subplot()
    _style(ax)
    _head(ax, shown)
    if shown.hint:
        _say(ax, shown.hint)
    else:
        _LAYERS[kind](ax, shown)
        _time_axis(ax, shown.buckets)
        _dollar_axis(ax)
        _legend(ax, shown)
    if own is not None and "inline" in plt.get_backend():
        plt.close(own)  # The notebook shows what a cell returns; an open figure would be shown once more.
    return ax.figure


def _layout() -> LayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)


def _bars(axes: Axes, shown: CostFigure) -> None:
    positions = range(len(shown.buckets))
    bottoms = [0.0] * len(shown.buckets)
    width = 0.8 if len(shown.buckets) <= 120 else 1.0  # noqa: PLR2004 (thinner bars would shimmer)
    for layer in shown.layers:
        axes.bar(positions, layer.costs, width, bottoms, color=layer.colour, label=layer.label, linewidth=0)
        bottoms = [low + cost for low, cost in zip(bottoms, layer.costs, strict=True)]


def _lines(axes: Axes, shown: CostFigure) -> None:
    for layer in shown.layers:
        axes.plot(range(len(shown.buckets)), layer.costs, color=layer.colour, label=layer.label, linewidth=2)
    axes.set_ylim(bottom=0)


def _running_totals(axes: Axes, shown: CostFigure) -> None:
    totals = [list(accumulate(layer.costs)) for layer in shown.layers]
    axes.stackplot(
        range(len(shown.buckets)),
        *totals,
        colors=[layer.colour for layer in shown.layers],
        labels=[layer.label for layer in shown.layers],
        linewidth=0,
    )


_LAYERS = {"bar": _bars, "line": _lines, "cumulative": _running_totals}
KINDS: tuple[str, ...] = tuple(_LAYERS)


def _style(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(palette.GRID)
    axes.tick_params(length=0, colors=palette.TEXT, labelsize=9)
    axes.grid(axis="y", color=palette.GRID, alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)


def _head(axes: Axes, shown: CostFigure) -> None:
    """Draw the total as the title, with its period below, and what it leaves out."""
    lines = [line for line in (shown.remark, shown.caveat) if line]
    axes.set_title(
        shown.heading, loc="left", color=palette.TEXT, fontsize=19, fontweight="bold", pad=10 + 15 * len(lines)
    )
    for row, line in enumerate(lines):
        colour = palette.UP if line == shown.caveat else palette.TEXT
        axes.annotate(
            line,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8 + 15 * (len(lines) - 1 - row)),
            textcoords="offset points",
            color=colour,
            fontsize=10,
            annotation_clip=False,
        )


def _say(axes: Axes, words: str) -> None:
    first, _, second = words.partition("\n")
    axes.set_axis_off()
    axes.text(0.5, 0.55, first, transform=axes.transAxes, ha="center", color=palette.TEXT, fontsize=13)
    axes.text(
        0.5, 0.42, second, transform=axes.transAxes, ha="center", color=palette.TEXT, fontsize=10, family="monospace"
    )


def _legend(axes: Axes, shown: CostFigure) -> None:
    """Draw the legend in the order of the stack, each group with its total."""
    if len(shown.layers) == 1 and not shown.layers[0].label:
        return
    handles, _ = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles[::-1],
        [_labelled(layer) for layer in shown.layers[::-1]],
        title=shown.split,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        labelcolor=palette.TEXT,
        fontsize=9.5,
        handlelength=0.9,
        handleheight=0.9,
        alignment="left",
    )
    legend.get_title().set(color=palette.TEXT, fontsize=9.5, fontweight="bold")


def _labelled(layer: Layer) -> str:
    name = layer.label if len(layer.label) <= 28 else f"{layer.label[:27]}…"  # noqa: PLR2004
    return f"{name}  {formatting.dollars(layer.total)}"


def _dollar_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=3, steps=[1, 2, 2.5, 5, 10]))
    axes.margins(x=0.01)
    low, high = axes.get_ylim()
    steps = [tick for tick in axes.yaxis.get_major_locator().tick_values(low, high) if tick > 0]
    step = steps[0] if steps else 0.01
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: formatting.axis_dollars(value, step)))


def _time_axis(axes: Axes, buckets: Sequence[datetime]) -> None:
    every = -(-len(buckets) // _MOST_TICKS)
    positions = range(0, len(buckets), every)
    axes.set_xticks(list(positions), [_tick(buckets, position, every) for position in positions])


def _tick(buckets: Sequence[datetime], position: int, every: int) -> str:
    """Label a bucket; the date below the time, and the year below the month, only if they change."""
    now, before = buckets[position], buckets[position - every] if position else None
    year = f"\n{now.year}" if before is None or before.year != now.year else ""
    if len(buckets) > 1 and (buckets[1] - buckets[0]).total_seconds() < _DAY_SECONDS * 0.9:
        day = f"\n{date_formatting.short_day(now)}" if before is None or before.date() != now.date() else ""
        return f"{date_formatting.clock(now)}{day}"
    if len(buckets) > 1 and (buckets[-1] - buckets[0]).days / (len(buckets) - 1) > 27:  # noqa: PLR2004 (months)
        return f"{date_formatting.short_month(now)}{year}"
    return f"{date_formatting.short_day(now)}{year}"
