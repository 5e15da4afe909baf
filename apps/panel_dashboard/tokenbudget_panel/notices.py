"""Notices that replace the numbers: nothing is recorded yet, or there is an error."""

from __future__ import annotations

from html import escape

from tokenbudget import config
from tokenbudget.core import date_formatting
from tokenbudget.plotting import palette
from tokenbudget_panel.answers import Snapshot
from tokenbudget_panel.error_messages import Trouble

_BARS = "".join(
    f'<rect x="{6 + 19 * i}" y="{46 - height}" width="13" height="{height}" rx="3.5" fill="{colour}" opacity="0.3"/>'
    for i, (height, colour) in enumerate(
        zip(
            (14, 22, 18, 30, 26, 40),
            palette.COLOURS[:6],
            strict=True,
        )
    )
)


def lines_to_paste() -> str:
    """Return the lines that make a notebook's calls appear here."""
    url = config.current().url
    connect = (
        f'# On this machine, leave this line out:\ntb.configure(url="{url}", api_key="tb_ak_…")\n\n' if url else ""
    )
    return f"import tokenbudget as tb\nfrom openai import OpenAI\n\n{connect}client = tb.wrap(OpenAI())"


def empty(snapshot: Snapshot) -> str:
    """Return the notice that there is nothing to show, and how to record calls."""
    period = snapshot.query.period
    return (
        f'<section class="notice"><svg viewBox="0 0 120 48" aria-hidden="true">{_BARS}<path d="M0 47h120"/></svg>'
        f"<h2>No calls in this period</h2>"
        f"<p>{escape(date_formatting.period(period.name))} · {escape(period.tz)}</p>"
        "<p>Wrap your client in a notebook and use it as before. This page looks for news every ten seconds.</p>"
        f"<pre><code>{escape(lines_to_paste())}</code></pre></section>"
    )


def wrong(trouble: Trouble) -> str:
    """Return the notice of an error, and what to do."""
    return (
        '<section class="notice wrong" role="alert"><div class="sign" aria-hidden="true">!</div>'
        f"<h2>{escape(trouble.title)}</h2><p>{escape(trouble.advice)}</p>"
        f"<pre><code>{escape(trouble.detail)}</code></pre></section>"
    )


def stale(trouble: Trouble, since: str) -> str:
    """Return the notice that the numbers are not current."""
    return (
        f'<div class="stale" role="alert"><b>{escape(trouble.title)}.</b> '
        f'{escape(trouble.advice)} <span title="{escape(trouble.detail)}">'
        f"The numbers are those of {escape(since)}.</span></div>"
    )
