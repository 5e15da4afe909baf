"""The page: app bar, controls, and the overview, which updates itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

import panel as pn
import panel_material_ui as pmui
import param

from tokenbudget import config
from tokenbudget.core.date_formatting import clock
from tokenbudget.core.errors import TokenBudgetError
from tokenbudget_panel import theme
from tokenbudget_panel.answers import Desk, Snapshot
from tokenbudget_panel.error_messages import Trouble
from tokenbudget_panel.overview import Overview, html
from tokenbudget_panel.page_state import DIMENSIONS, PERIODS, View, zones

REFRESH_MS = 10_000
_FAVICON = Path(__file__).with_name("favicon.svg")


def page(desk: Desk) -> pmui.Page:
    """Create the page for one visitor, with the answers of a desk."""
    pn.extension("tabulator", notifications=False)
    return _Session(desk).page


class _Session:
    """One visitor's page and its current view."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        view = _asked_for()
        self._overview = Overview()
        self._period = pmui.RadioButtonGroup(
            options=_periods(view.period), value=view.period, color="primary", size="small", margin=0, sx=_BUTTONS
        )
        self._by = pmui.Select(label="Split by", options=_with(DIMENSIONS, view.by), value=view.by, **_CONTROL)
        self._tz = pmui.AutocompleteInput(
            label="Time zone",
            options=_with(zones(), view.tz),
            value=view.tz,
            case_sensitive=False,
            min_characters=0,
            **_CONTROL,
        )
        self._status = html('<span class="status"></span>')
        self.page = self._laid_out()
        if known := self._desk.recall(view):
            self._show(known)
        self._follow()

    @property
    def _view(self) -> View:
        zone = self._tz.value or _default().tz  # It can be emptied.
        return View(period=self._period.value, by=self._by.value, tz=zone)

    def _laid_out(self) -> pmui.Page:
        controls = pmui.FlexBox(
            self._period, self._by, self._tz, align_items="center", gap="14px", sizing_mode="stretch_width", margin=0
        )
        body = pmui.Column(
            controls,
            self._overview.view,
            sizing_mode="stretch_width",
            margin=0,
            sx={"gap": "16px", "p": {"xs": "14px", "sm": "22px 24px 40px"}},
        )
        return pmui.Page(
            header=[html(theme.WORDMARK), self._status, *([html(_SIGN_OUT)] if self._desk.is_of_visitor else [])],
            main=[body],
            main_width=1280,
            meta_title="TokenBudget",
            favicon=_FAVICON,
            busy_indicator=None,
            theme_config=theme.THEME,
            sx=theme.PAGE,
            raw_css=[theme.DOCUMENT],
        )

    def _follow(self) -> None:
        for control in (self._period, self._by, self._tz):
            control.param.watch(self._on_choice, "value")
        self._overview.retry.on_click(self._on_retry)
        self.page.param.watch(self._on_theme, "dark_theme")
        pn.state.onload(self._refresh)
        # Panel takes coroutine functions, which its annotation leaves out.
        pn.state.add_periodic_callback(self._refresh, period=REFRESH_MS)  # type: ignore[arg-type]

    async def _on_choice(self, _: object) -> None:
        _remember(**self._view.__dict__)
        await self._refresh()

    def _on_theme(self, event: param.parameterized.Event) -> None:
        _remember(theme="dark" if event.new else "default")

    async def _on_retry(self, _: object) -> None:
        self._desk.ask_again()
        with self._overview.retry.param.update(loading=True):
            await self._refresh()

    async def _refresh(self) -> None:
        view = self._view
        outcome = await asyncio.to_thread(self._desk.look, view)
        if view != self._view:
            return  # Something else was chosen meanwhile, and is on its way.
        with pn.io.hold():
            self._show(outcome)

    def _show(self, outcome: Snapshot | Trouble) -> None:
        if isinstance(outcome, Trouble):
            self._overview.complain(outcome)
            self._status.object = '<span class="status late"><i></i>not up to date</span>'
            return
        self._by.options = _with(outcome.dimensions, self._by.value)
        self._overview.show(outcome)
        taken = outcome.taken_at.astimezone(ZoneInfo(outcome.query.period.tz))
        self._status.object = (
            f'<span class="status" title="Asked {clock(taken, seconds=True)}, again every {REFRESH_MS // 1000} s">'
            f"<i></i>{escape(outcome.source)}</span>"
        )


_SIGN_OUT = '<a class="sign-out" href="./logout">Sign out</a>'
_FIELD = {"backgroundColor": "var(--tb-card)"}
_CONTROL = {
    "size": "small",
    "variant": "outlined",
    "margin": 0,
    "sizing_mode": "stretch_width",
    "styles": {"flex": "1 1 150px", "max-width": "220px"},
    "sx": {"&.MuiInputBase-root, & .MuiInputBase-root": {**_FIELD, "height": "40px", "fontSize": "15px"}},
}
_BUTTONS = {
    "& .MuiToggleButton-root": {
        "height": "40px",
        "px": "14px",
        "textTransform": "none",
        "fontSize": "14px",
        "borderColor": "var(--tb-line)",
    },
    "& .MuiToggleButton-root:not(.Mui-selected)": {**_FIELD, "color": "var(--tb-muted)"},
}


def _periods(chosen: str) -> dict[str, str]:
    return PERIODS if chosen in PERIODS.values() else {**PERIODS, chosen: chosen}


def _with(options: Iterable[str], chosen: str) -> list[str]:
    listed = list(options)
    return listed if chosen in listed else [*listed, chosen]


def _default() -> View:
    try:
        return View(tz=config.current().tz)
    except TokenBudgetError:
        return View()  # The first question says what is wrong with the settings.


def _asked_for() -> View:
    """Read the view from the URL, so that it can be shared."""
    default, query = _default(), pn.state.location.query_params if pn.state.location else {}
    asked = View(**{**default.__dict__, **{name: str(query[name]) for name in default.__dict__ if name in query}})
    return asked.or_default(default)


def _remember(**chosen: str) -> None:
    """Write the view to the URL; Panel itself reads ``theme`` from it."""
    if pn.state.location:
        # Panel annotates the mapping that the keywords make, not what each of them is.
        pn.state.location.update_query(**chosen)  # type: ignore[arg-type]
