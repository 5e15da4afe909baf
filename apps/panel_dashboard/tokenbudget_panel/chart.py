"""Draw stacked bars with Bokeh, and update them in place without flickering."""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d
from bokeh.plotting import figure

from tokenbudget.plotting import palette
from tokenbudget_panel import theme
from tokenbudget_panel.bars import Bars

_HEIGHT = 300
# The tooltip is outside of the page's own boxes: it brings its style, and takes the theme's colours from the document.
_TIP = f'<div class="tb-tip"><style>{theme.TIP}</style>@tip{{safe}}</div>'


class Chart:
    """A figure of bars that can be updated.

    Buckets are numbered from 0, so a day of 23 hours is drawn as wide as any other.

    Attributes
    ----------
    figure : bokeh.plotting.figure
    """

    def __init__(self) -> None:
        self._blocks = ColumnDataSource({"left": [], "right": [], "bottom": [], "top": [], "colour": []})
        self._slots = ColumnDataSource({"left": [], "right": [], "bottom": [], "top": [], "tip": []})
        self.figure = figure(
            height=_HEIGHT,
            sizing_mode="stretch_width",
            tools="",
            toolbar_location=None,
            x_range=Range1d(start=-0.5, end=0.5),
            y_range=Range1d(start=0, end=1),
            min_border=0,
            min_border_right=20,  # Room for the last label, which is at the edge.
            outline_line_color=None,
            background_fill_color=None,
            border_fill_color=None,
        )
        self._draw()
        self._style()

    def show(self, bars: Bars) -> None:
        """Show other bars; only what differs is updated."""
        x, y = self.figure.xaxis[0], self.figure.yaxis[0]
        _set(self.figure.x_range, end=bars.count - 0.5)
        _set(self.figure.y_range, end=bars.top or 1.0)
        for axis, marks in ((x, bars.labels), (y, bars.ticks)):
            _set(axis.ticker, ticks=list(marks))
            _set(axis, major_label_overrides=marks)
        _set(self._blocks, data=bars.blocks)
        _set(self._slots, data=bars.slots)

    def _draw(self) -> None:
        slots = self.figure.quad(
            left="left",
            right="right",
            bottom="bottom",
            top="top",
            source=self._slots,
            fill_color=palette.GRID,
            fill_alpha=0,
            line_color=None,
            hover_fill_color=palette.GRID,
            hover_fill_alpha=0.14,
            hover_line_color=None,
        )
        self.figure.quad(
            left="left",
            right="right",
            bottom="bottom",
            top="top",
            source=self._blocks,
            fill_color="colour",
            line_color=None,
        )
        self.figure.add_tools(HoverTool(renderers=[slots], tooltips=_TIP, attachment="horizontal"))

    def _style(self) -> None:
        x, y = self.figure.xaxis[0], self.figure.yaxis[0]
        for axis in (x, y):
            axis.ticker = FixedTicker(ticks=[])
            axis.axis_line_color = None
            axis.major_tick_line_color = None
            axis.minor_tick_line_color = None
            axis.major_label_text_color = palette.TEXT
        self.figure.xgrid.grid_line_color = None
        self.figure.ygrid.grid_line_color = palette.GRID
        self.figure.ygrid.grid_line_alpha = 0.25


def _set(model: Any, **values: Any) -> None:
    for name, value in values.items():
        if getattr(model, name) != value:
            setattr(model, name, value)
