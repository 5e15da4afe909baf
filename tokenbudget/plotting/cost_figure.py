"""The content of a cost figure, for any drawing library."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import cast

import polars as pl

from tokenbudget.analytics.selection import labels
from tokenbudget.core import date_formatting, formatting
from tokenbudget.core.period import Period
from tokenbudget.core.query import Query
from tokenbudget.plotting import palette


@dataclass(frozen=True)
class Layer:
    """One group over time.

    Attributes
    ----------
    label : str
    colour : str
    costs : list of float
        US dollars per bucket; nothing known counts as nothing drawn.
    total : Decimal or None
        US dollars of the period; None where there were calls and none has a price.
    """

    label: str
    colour: str
    costs: list[float]
    total: Decimal | None


@dataclass(frozen=True)
class CostFigure:
    """A cost figure before it is drawn.

    Attributes
    ----------
    period : Period
    buckets : list of datetime
        Their beginnings, in the period's zone.
    layers : list of Layer
        Largest first; a single one without a label when nothing is split.
    total, previous : Decimal or None
        US dollars of the period and of the one before; None where no call could be priced.
    requests, unpriced : int
    filters : str
        In words; empty when there are none.
    """

    period: Period
    buckets: list[datetime]
    layers: list[Layer]
    total: Decimal | None
    previous: Decimal | None
    requests: int
    unpriced: int
    filters: str = ""
    split: str = field(default="")

    @property
    def heading(self) -> str:
        """The total."""
        if not self.requests:
            return "No calls"
        return "Cost unknown" if self.total is None else formatting.dollars(self.total)

    @property
    def remark(self) -> str:
        """The period and filters of the total, and its change."""
        compared = formatting.change(self.total, self.previous)
        return " · ".join(
            filter(
                None,
                [
                    date_formatting.period(self.period.name),
                    self.filters,
                    compared and f"{compared} on the period before",
                ],
            )
        )

    @property
    def caveat(self) -> str:
        """What the total does not include; empty if it is complete."""
        if not self.unpriced:
            return ""
        which = (
            "no call has a price"
            if self.unpriced == self.requests
            else f"{formatting.number(self.unpriced)} of {formatting.plural(self.requests, 'call')} have no price"
        )
        return f"{which} · tb.coverage() tells why"

    @property
    def hint(self) -> str:
        """What to do if there is nothing to draw; otherwise empty."""
        if not self.requests:
            widen = "ask for a longer period, or leave out filters" if self.filters else "client = tb.wrap(OpenAI())"
            return f"Nothing to show yet\n{widen}"
        return "" if self.total else "Nothing to draw: no call had a cost"


def cost_figure(series: pl.DataFrame, spans: pl.DataFrame, query: Query) -> CostFigure:
    """Build a figure from the results of `timeseries` and `summary`.

    Parameters
    ----------
    series, spans : polars.DataFrame
        As `tokenbudget.analytics` gives them.
    query : Query
        What was asked.
    """
    current, previous = spans.to_dicts()
    buckets = series["bucket"].unique(maintain_order=True).dt.convert_time_zone(query.period.tz)
    return CostFigure(
        period=query.period,
        buckets=buckets.to_list(),
        layers=_layers(series, query),
        total=current["cost_usd"],
        previous=previous["cost_usd"],
        requests=current["requests"],
        unpriced=current["unpriced"],
        filters=", ".join(
            f"{name} {' or '.join(v or 'none' for v in values)}" for name, values in query.filters.items()
        ),
        split=" × ".join(query.by),
    )


def _layers(series: pl.DataFrame, query: Query) -> list[Layer]:
    if not query.by:
        return [_layer(series, "", palette.COLOURS[0])]
    groups = dict(series.group_by(labels(query), maintain_order=True))
    names = {key: _name(key) for key in groups}
    colours = palette.colours(list(names.values()))
    return [_layer(rows, names[key] or f"no {query.by[0]}", colours[names[key]]) for key, rows in groups.items()]


def _name(key: tuple[object, ...]) -> str | None:
    if len(set(key)) == 1 and key[0] in (None, "other"):
        return key[0] if key[0] is None else str(key[0])
    return " · ".join("none" if part is None else str(part) for part in key)


def _layer(rows: pl.DataFrame, label: str, colour: str) -> Layer:
    costs = rows["cost_usd"]
    # A bucket without calls costs nothing and says nothing about those whose cost is unknown.
    of_calls = rows.filter(pl.col("requests") > 0)["cost_usd"]
    known = of_calls.is_empty() or of_calls.count() > 0
    return Layer(
        label=label,
        colour=colour,
        costs=costs.fill_null(0).cast(pl.Float64).to_list(),
        total=cast("Decimal", costs.sum()) if known else None,
    )
