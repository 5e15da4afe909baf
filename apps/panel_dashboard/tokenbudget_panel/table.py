"""The table by group: its rows, and the widget that shows them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn
from bokeh.models.widgets.tables import HTMLTemplateFormatter

from tokenbudget.core import formatting
from tokenbudget.plotting import palette
from tokenbudget_panel import theme
from tokenbudget_panel.answers import Snapshot

# `<%- … %>` escapes: callers name groups, and a tag may hold anything.
_NAME = '<i class="swatch" style="background:<%- colour %>"></i><span title="<%- name %>"><%- name %></span>'
_SHARE = (
    '<span class="share"><span class="bar"><% if (width > 0) { %>'
    '<i style="width:<%- width %>%;background:<%- colour %>"></i><% } %></span>'
    "<span><%- share_text %></span></span>"
)
_NUMBER = '<span title="<%- {0}_exact %>"><%- {0}_text %></span>'
_MEASURES: dict[str, tuple[str, int]] = {
    "cost": ("Cost", 100),
    "share": ("Share of cost", 170),
    "requests": ("Requests", 100),
    "tokens": ("Tokens", 90),
    "average": ("Avg cost", 110),
    "latency": ("Avg latency", 110),
}


def rows(snapshot: Snapshot, colours: dict[str, str]) -> pd.DataFrame:
    """Return the table's rows for a snapshot.

    Parameters
    ----------
    colours : dict of str to str
        Of the groups that the chart names; the others are as grey as what they are summed up in.

    Returns
    -------
    pandas.DataFrame
        Numbers to sort by, and beside each the words that are shown.
    """
    (dimension,) = snapshot.query.by
    return pd.DataFrame([_row(group, dimension, colours) for group in snapshot.groups.to_dicts()], columns=COLUMNS)


def _row(group: dict[str, Any], dimension: str, colours: dict[str, str]) -> dict[str, Any]:
    name = f"no {dimension}" if group[dimension] is None else group[dimension]
    share = group["share"]
    return {
        "name": name,
        "colour": colours.get(name, palette.OTHER),
        "width": 0.0 if share is None else round(100 * share, 2),
        **_cell("cost", group["cost_usd"], formatting.dollars, formatting.exact_dollars),
        **_cell("share", share, formatting.percent),
        **_cell("requests", group["requests"], formatting.number),
        **_cell("tokens", group["total_tokens"], formatting.short_number, formatting.number),
        **_cell("average", group["avg_cost_usd"], formatting.dollars, formatting.exact_dollars),
        **_cell("latency", group["avg_latency_ms"], formatting.duration),
    }


def _cell(name: str, value: Any, short: Any, exact: Any = None) -> dict[str, Any]:
    number = float("nan") if value is None else float(value)
    return {name: number, f"{name}_text": short(value), f"{name}_exact": formatting.spoken((exact or short)(value))}


COLUMNS = ["name", "colour", "width", *(f"{m}{suffix}" for m in _MEASURES for suffix in ("", "_text", "_exact"))]
_HIDDEN = [name for name in COLUMNS if name not in {"name", *_MEASURES}]


def make(frame: pd.DataFrame) -> pn.widgets.Tabulator:
    """Create the widget; set its rows with ``.value``."""
    return pn.widgets.Tabulator(
        frame,
        show_index=False,
        disabled=True,
        selectable=False,
        hidden_columns=_HIDDEN,
        titles={"name": "", **{name: title for name, (title, _) in _MEASURES.items()}},
        formatters={
            "name": HTMLTemplateFormatter(template=_NAME),
            **{name: HTMLTemplateFormatter(template=_NUMBER.format(name)) for name in _MEASURES},
            "share": HTMLTemplateFormatter(template=_SHARE),
        },
        text_align={name: "left" if name == "share" else "right" for name in _MEASURES},
        header_align={name: "left" if name == "share" else "right" for name in _MEASURES},
        configuration={
            "columnDefaults": {"headerSortStartingDir": "desc", "headerSortTristate": True},
            "columns": [{"field": "name", "minWidth": 160}],
        },
        frozen_columns=["name"],
        widths={name: width for name, (_, width) in _MEASURES.items()},
        layout="fit_columns",
        sizing_mode="stretch_width",
        margin=0,
        stylesheets=[theme.TABLE],
    )
