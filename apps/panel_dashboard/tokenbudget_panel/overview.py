"""The main part of the page: key figures, chart and table, or a notice instead of them."""

from __future__ import annotations

from html import escape
from zoneinfo import ZoneInfo

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from tokenbudget.core import date_formatting
from tokenbudget_panel import bars, notices, table, theme, tiles
from tokenbudget_panel.answers import Snapshot
from tokenbudget_panel.chart import Chart
from tokenbudget_panel.error_messages import Trouble

_CARD = {
    "p": "18px 20px",
    "gap": "12px",
    "borderRadius": "14px",
    "borderColor": "var(--tb-line)",
    "backgroundColor": "var(--tb-card)",
    "backgroundImage": "none",
}


class Overview:
    """Shows snapshots and errors; only changes are sent to the browser.

    Attributes
    ----------
    view : panel_material_ui.Column
    retry : panel_material_ui.Button
        Called to retry after an error.
    """

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._chart = Chart()
        self._tiles = html(tiles.placeholder())
        self._banner = html("", visible=False, styles={"position": "sticky", "top": "10px", "z-index": "5"})
        self._notice = html("")
        self._spend_heading, self._legend, self._table_heading = html(""), html(""), html("")
        self._table = table.make(pd.DataFrame(columns=table.COLUMNS))
        self.retry = pmui.Button(label="Try again", icon="refresh", variant="contained", align="center", visible=False)
        self._notice_card = _card(self._notice, self.retry, visible=False)
        self._cards = (
            _card(self._spend_heading, pn.pane.Bokeh(self._chart.figure, sizing_mode="stretch_width"), self._legend),
            _card(self._table_heading, self._table),
        )
        self.view = pmui.Column(
            self._banner,
            self._notice_card,
            self._tiles,
            *self._cards,
            sizing_mode="stretch_width",
            margin=0,
            sx={"gap": "14px"},
        )

    def show(self, snapshot: Snapshot) -> None:
        """Show the numbers of a view, or how to record calls if there are none."""
        self._last = snapshot
        self._banner.visible = False
        self.retry.visible = False
        if not snapshot.current["requests"]:
            self._instead(notices.empty(snapshot))
            return
        shown = bars.bars(snapshot)
        (dimension,) = snapshot.query.by
        self._tiles.object = tiles.html(tiles.tiles(snapshot.current, snapshot.previous))
        self._spend_heading.object = _heading(
            "Spend over time", f"per {shown.per}, by {dimension} · {date_formatting.period(snapshot.query.period.name)}"
        )
        self._legend.object = bars.legend_html(shown)
        self._table_heading.object = _heading(f"By {dimension}", _how_many(snapshot))
        self._chart.show(shown)
        self._show_rows(table.rows(snapshot, bars.swatches(shown)))
        self._instead(None)

    def complain(self, trouble: Trouble) -> None:
        """Show an error; the last numbers stay visible if there are any."""
        if self._last is None or not self._last.current["requests"]:
            self.retry.visible = True
            self._instead(notices.wrong(trouble))
            return
        taken = self._last.taken_at.astimezone(ZoneInfo(self._last.query.period.tz))
        self._banner.object = notices.stale(trouble, date_formatting.clock(taken, seconds=True))
        self._banner.visible = True

    def _instead(self, notice: str | None) -> None:
        if notice is not None:
            self._notice.object = notice
        self._notice_card.visible = notice is not None
        for part in (self._tiles, *self._cards):
            part.visible = notice is None

    def _show_rows(self, frame: pd.DataFrame) -> None:
        if not frame.equals(self._table.value):
            self._table.value = frame


def html(content: str, **params: object) -> pn.pane.HTML:
    """Create a pane of HTML with the page's styles."""
    return pn.pane.HTML(content, sizing_mode="stretch_width", margin=0, stylesheets=[theme.PARTS], **params)


def _card(*objects: object, **params: object) -> pmui.Paper:
    return pmui.Paper(
        *objects, variant="outlined", elevation=0, sizing_mode="stretch_width", margin=0, sx=_CARD, **params
    )


def _heading(title: str, remark: str) -> str:
    return f'<div class="heading"><h2>{escape(title)}</h2><span>{escape(remark)}</span></div>'


def _how_many(snapshot: Snapshot) -> str:
    groups, (dimension,) = snapshot.groups, snapshot.query.by
    if (groups[dimension] == "other").any():
        return f"the {len(groups) - 1} largest, and the others together"
    return f"{len(groups)} in all"
