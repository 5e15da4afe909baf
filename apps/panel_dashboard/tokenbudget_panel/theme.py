"""Colours, type and spacing of the page, for light and dark; charts take theirs from `tokenbudget.plotting.palette`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenbudget.plotting import palette

_FONT = "Roboto, system-ui, sans-serif"


def _scheme(**colours: str) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": colours["accent"]},
            "background": {"default": colours["paper"], "paper": colours["card"]},
            "text": {"primary": colours["ink"], "secondary": colours["muted"]},
            "divider": colours["line"],
        }
    }


LIGHT = {
    "paper": "#f6f6f3",
    "card": "#ffffff",
    "wash": "#efefeb",
    "line": "#e5e4de",
    "ink": "#16181d",
    "muted": "#5c606a",
    "accent": "#2f5bd7",
    "good": "#0b7350",
    "bad": "#b8263a",
    "warn": "#8a4b00",
    "warn-wash": "#fdf2dc",
}
DARK = {
    "paper": "#0c0e12",
    "card": "#14171d",
    "wash": "#222733",
    "line": "#262b34",
    "ink": "#f1f2f4",
    "muted": "#9aa1ad",
    "accent": "#8fb0ff",
    "good": "#4fcb91",
    "bad": "#ff8d92",
    "warn": "#f5c261",
    "warn-wash": "#2b2413",
}

THEME: dict[str, Any] = {
    name: {
        **_scheme(**colours),
        "typography": {"fontFamily": _FONT},
        "shape": {"borderRadius": 10},
    }
    for name, colours in (("light", LIGHT), ("dark", DARK))
}
"""The value of ``theme_config``."""


def _variables(colours: dict[str, str]) -> dict[str, str]:
    return {f"--tb-{name}": colour for name, colour in colours.items()}


PAGE: dict[str, Any] = {
    "&.mui-light": _variables(LIGHT),
    "&.mui-dark": _variables(DARK),
    "& .header": {
        "backgroundColor": "var(--tb-card)",
        "backgroundImage": "none",
        "color": "var(--tb-ink)",
        "boxShadow": "none",
        "borderBottom": "1px solid var(--tb-line)",
    },
    "& .header .MuiLinearProgress-root": {"display": "none"},  # The numbers change in place: nothing to wait for.
    "& .main": {"backgroundColor": "var(--tb-paper)"},
}
"""The page's ``sx``: the variables of `CSS`, which follow the theme without a request to the server."""


_STYLES = Path(__file__).with_name("styles")
PARTS, TABLE, TIP, DOCUMENT = (
    (_STYLES / f"{name}.css").read_text("utf-8") for name in ("parts", "table", "tip", "document")
)

WORDMARK = f"""
<a class="wordmark" href="./" aria-label="TokenBudget">
<svg viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
<rect width="24" height="24" rx="6.5" fill="{palette.COLOURS[0]}"/>
<rect x="5" y="13" width="3.6" height="6" rx="1.2" fill="#fff"/>
<rect x="10.2" y="9" width="3.6" height="10" rx="1.2" fill="#fff"/>
<rect x="15.4" y="11.2" width="3.6" height="7.8" rx="1.2" fill="#fff"/>
<rect x="15.4" y="5" width="3.6" height="5" rx="1.2" fill="#ffd27a"/>
</svg><span>Token<span>Budget</span></span></a>
"""
