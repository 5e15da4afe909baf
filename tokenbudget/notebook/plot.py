"""``tb.plot_costs``: costs over time as a figure."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from tokenbudget.core.errors import MissingExtraError, QueryError
from tokenbudget.core.period import PeriodLike
from tokenbudget.core.query import Interval
from tokenbudget.notebook.backend import answers
from tokenbudget.notebook.question import By, question
from tokenbudget.plotting.cost_figure import CostFigure, cost_figure

PlotBackend = Literal["matplotlib", "hvplot"]
Kind = Literal["bar", "line", "cumulative"]


def plot_costs(
    period: PeriodLike = "30d",
    by: By = None,
    kind: Kind = "bar",
    interval: Interval | None = None,
    limit: int = 6,
    tz: str | None = None,
    backend: PlotBackend = "matplotlib",
    ax: Any = None,
    **filters: Any,
) -> Any:
    """Plot the cost of a period over time.

    Parameters
    ----------
    period : str or pair of date
        As for `tokenbudget.summary`.
    by : str or sequence of str, optional
        Dimension or tag to split by: ``model``, ``feature``, …
    kind : {"bar", "line", "cumulative"}
        Stacked bars, one line per group, or stacked running totals.
    interval : {"15min", "hour", "day", "week", "month"}, optional
        Length of a bucket; chosen to fit the period if omitted.
    limit : int
        Number of groups to show, the largest first; the rest are combined into ``other``.
    tz : str, optional
        IANA time zone of the days; the configured one (UTC by default) if omitted.
    backend : {"matplotlib", "hvplot"}
        Library that draws.  Figures of hvplot are interactive; the hvplot package must be installed.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; a new figure by default (matplotlib only).
    **filters
        Dimension or tag, and the value or list of values to select.

    Returns
    -------
    matplotlib.figure.Figure or a holoviews object
        Costs in US dollars.  Calls without a price are not drawn; the figure states their number.

    Raises
    ------
    PeriodError, QueryError
        If the period, or another argument, is not valid.
    MissingExtraError
        If the drawing library is not installed.
    ServerError
        If the configured server does not answer.

    Examples
    --------
    >>> import tokenbudget as tb
    >>> figure = tb.plot_costs(by="model", period="7d")
    >>> figure.axes[0].get_title(loc="left")
    'No calls'
    """
    for name, value, allowed in (("kind", kind, get_args(Kind)), ("backend", backend, get_args(PlotBackend))):
        if value not in allowed:
            msg = f"unknown {name} {value!r}: use {', '.join(map(repr, allowed))}"
            raise QueryError(msg)
    shown = _laid_out(question(period, tz=tz, by=by, interval=interval, limit=limit, filters=filters))
    try:
        if backend == "hvplot":
            from tokenbudget.plotting.hvplot_costs import draw as draw_interactive

            return draw_interactive(shown, kind)
        from tokenbudget.plotting.matplotlib_costs import draw

        return draw(shown, kind, ax)
    except ModuleNotFoundError as error:
        msg = f"{backend} figures need {error.name}, which is not installed: install the 'notebook' extra"
        raise MissingExtraError(msg) from error


def _laid_out(asked: Any) -> CostFigure:
    desk = answers()
    spans = desk.summary(msgspec.structs.replace(asked, by=(), limit=None))
    return cost_figure(desk.timeseries(asked), spans, asked)
