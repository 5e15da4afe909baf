"""``tb.plot_costs``: ask, lay out, draw."""

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
    """Draw the cost of a period over time.

    Parameters
    ----------
    period : str or pair of date
        As for `tokenbudget.summary`.
    by : str or sequence of str, optional
        Dimension or tag to split by: ``model``, ``feature``, …
    kind : {"bar", "line", "cumulative"}
        Stacked bars, one line per group, or stacked running totals.
    interval : {"15min", "hour", "day", "week", "month"}, optional
        Length of a bucket in `tz`; chosen to fit the period when left out.
    limit : int
        Largest groups to name; the rest is ``other``.
    tz : str, optional
        IANA zone whose days count; the configured one (UTC by default) when left out.
    backend : {"matplotlib", "hvplot"}
        hvplot's figure is interactive and needs the hvplot package.
    ax : matplotlib.axes.Axes, optional
        Draw there instead of into a figure of its own.
    **filters
        Dimension or tag = value, or a list of values.

    Returns
    -------
    matplotlib.figure.Figure or a holoviews object
        Costs in US dollars; calls without a price are not drawn, and the figure says how many there are.

    Raises
    ------
    PeriodError, QueryError
        If the question is not understood.
    MissingExtraError
        If the library that draws is not installed.
    ServerError
        If a server is configured and did not answer.

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
