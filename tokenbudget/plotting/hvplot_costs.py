"""Cost figures drawn by hvplot: interactive, with the same colours and texts."""

from __future__ import annotations

from html import escape
from itertools import accumulate
from typing import Any

from tokenbudget.core.formatting import dollars
from tokenbudget.plotting.cost_figure import CostFigure

_HEIGHT = 340


def draw(shown: CostFigure, kind: str) -> Any:
    """Draw a cost figure.

    Parameters
    ----------
    shown : CostFigure
    kind : {"bar", "line", "cumulative"}
        Stacked bars, one line per group, or stacked running totals.

    Returns
    -------
    holoviews object
        Shown by a notebook as it is.
    """
    import panel as pn

    # Without it, figures fetch their scripts from the internet and stay blank where there is none.
    pn.extension(inline=True)
    import hvplot.pandas  # noqa: F401 (gives data frames their .hvplot)

    title = f"{shown.heading}   {shown.remark}\n{shown.caveat}".strip()
    if shown.hint:
        import holoviews as hv

        return hv.Div(f"<b>{escape(title)}</b><p>{escape(shown.hint)}</p>").opts(height=_HEIGHT)
    frame = _wide(shown, running=kind == "cumulative")
    options = {
        "title": title,
        "ylabel": "US dollars",
        "xlabel": "",
        "height": _HEIGHT,
        "responsive": True,
        "color": [layer.colour for layer in shown.layers],
        "legend": "right" if len(shown.layers) > 1 else False,
    }
    if kind == "bar":
        return frame.hvplot.bar(stacked=True, rot=45, line_width=0, **options)
    if kind == "cumulative":
        return frame.hvplot.area(stacked=True, line_width=0, **options)
    return frame.hvplot.line(line_width=2, **options)


def _wide(shown: CostFigure, *, running: bool) -> Any:
    import pandas as pd

    names = [f"{layer.label or 'cost'}  {dollars(layer.total)}" for layer in shown.layers]
    costs = [list(accumulate(layer.costs)) if running else layer.costs for layer in shown.layers]
    # Bokeh shows wall-clock times only when they carry no zone.
    index = pd.Index([bucket.replace(tzinfo=None) for bucket in shown.buckets], name="bucket")
    return pd.DataFrame(dict(zip(names, costs, strict=True)), index=index)
