"""The tiles with key figures: their texts and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from tokenbudget.core.formatting import (
    change,
    dollars,
    exact_dollars,
    number,
    percent,
    plural,
    short_dollars,
    short_number,
)

NAMES = ("Spend", "Requests", "Tokens", "Cache hit rate", "Error rate")
_MOODS = {"▲": "bad", "▼": "good"}
"""Whether a change of spend is good news."""


@dataclass(frozen=True)
class Tile:
    """One figure.

    Attributes
    ----------
    name : str
    value : str
        Short form, for the tile.
    exact : str
        With every digit, on demand.
    note : str
        What it is made of.
    change : str
        Against the period before; empty where there is nothing to compare.
    mood : {"", "good", "bad"}
        Whether the change is good news.
    warning, hint : str
        What the value leaves out, and why; empty when it is the whole.
    """

    name: str
    value: str
    exact: str
    note: str
    change: str = ""
    mood: str = ""
    warning: str = ""
    hint: str = ""


def tiles(current: dict[str, Any], previous: dict[str, Any]) -> list[Tile]:
    """Return the figures of a period, with the changes from the one before it."""
    return [_spend(current, previous), _requests(current, previous), _tokens(current, previous), *_rates(current)]


def _spend(current: dict[str, Any], previous: dict[str, Any]) -> Tile:
    cost, before = current["cost_usd"], previous["cost_usd"]
    changed = change(cost, before)
    return Tile(
        name="Spend",
        value=short_dollars(cost),
        exact=exact_dollars(cost),
        note=f"{short_dollars(before)} in the period before"
        if previous["requests"]
        else "no calls in the period before",
        change=changed,
        mood=_MOODS.get(changed[:1], ""),
        warning=f"{number(current['unpriced'])} unpriced" if current["unpriced"] else "",
        hint=_unpriced_hint(current),
    )


def _requests(current: dict[str, Any], previous: dict[str, Any]) -> Tile:
    average = current["avg_cost_usd"]
    return Tile(
        name="Requests",
        value=short_number(current["requests"]),
        exact=plural(current["requests"], "request"),
        note=f"{dollars(average)} each" if average is not None else "cost unknown",
        change=change(current["requests"], previous["requests"]),
    )


def _tokens(current: dict[str, Any], previous: dict[str, Any]) -> Tile:
    total, before = current["total_tokens"], previous["total_tokens"]
    return Tile(
        name="Tokens",
        value=short_number(total),
        exact=f"{number(current['input_tokens'])} in, {number(current['output_tokens'])} out",
        note=f"{short_number(current['input_tokens'])} in · {short_number(current['output_tokens'])} out",
        change=change(total, before),
    )


def _rates(current: dict[str, Any]) -> list[Tile]:
    errors, aborted = current["errors"], current["aborted"]
    return [
        Tile(
            name="Cache hit rate",
            value=percent(current["cache_hit_rate"]),
            exact=f"{number(current['cache_read_tokens'])} of {number(current['input_tokens'])} input tokens",
            note=f"{short_number(current['cache_read_tokens'])} input tokens reused",
        ),
        Tile(
            name="Error rate",
            value=percent(current["error_rate"]),
            exact=f"{number(errors)} of {plural(current['requests'], 'request')}",
            note=f"{short_number(errors)} failed · {short_number(aborted)} aborted",
        ),
    ]


def _unpriced_hint(current: dict[str, Any]) -> str:
    if not current["unpriced"]:
        return ""
    which = plural(current["unpriced"], "call")
    return (
        f"{which} of {number(current['requests'])} have no known cost, so the spend shown leaves them out: "
        f"unknown is not zero. tb.coverage() tells why."
    )


def html(shown: list[Tile]) -> str:
    """Return tiles as HTML."""
    return f'<dl class="tiles">{"".join(map(_tile, shown))}</dl>'


def placeholder() -> str:
    """Return placeholder tiles of the same size as HTML."""
    value, note = '<span class="value waiting">&nbsp;</span>', '<p class="note">&nbsp;</p>'
    waiting = f'<div class="tile"><dt>{{}}</dt><dd>{value}{note}</dd></div>'
    return f'<dl class="tiles" aria-busy="true">{"".join(map(waiting.format, NAMES))}</dl>'


def _tile(tile: Tile) -> str:
    changed = f'<span class="change {tile.mood}">{escape(tile.change)}</span>' if tile.change else ""
    warning = (
        f'<span class="warning" title="{escape(tile.hint)}">⚠ {escape(tile.warning)}</span>' if tile.warning else ""
    )
    return (
        f'<div class="tile" data-tile="{escape(tile.name)}"><dt>{escape(tile.name)}{warning}</dt>'
        f'<dd><span class="value" title="{escape(tile.exact)}">{escape(tile.value)}</span>{changed}'
        f'<p class="note">{escape(tile.note)}</p></dd></div>'
    )
