"""Update the prices of this machine: download the table, check it, store what changed."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.core.formatting import number
from tokenbudget.pricing.book import store
from tokenbudget.pricing.book.diff import TableDiff, diff, read_table
from tokenbudget.pricing.book.price_book import PriceBook

URL = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
"""The table as LiteLLM publishes it; ``TOKENBUDGET_PRICE_URL`` overrides it."""
_TIMEOUT = 30.0
_LARGEST_BYTES = 64 << 20


def source_url() -> str:
    """Return the URL of the table."""
    return os.environ.get("TOKENBUDGET_PRICE_URL") or URL


def fetch(url: str) -> bytes:
    """Download a table over HTTP, or read it from a path.

    Raises
    ------
    PriceError
        If it cannot be fetched.
    """
    try:
        if not url.startswith(("http://", "https://")):
            return Path(url.removeprefix("file://")).read_bytes()
        import httpx

        response = httpx.get(url, timeout=_TIMEOUT, follow_redirects=True).raise_for_status()
        return response.content
    except Exception as error:
        msg = f"cannot fetch prices from {url}: {error}; nothing was changed"
        raise PriceError(msg) from error


def parse_json(content: bytes) -> dict[str, Any]:
    """Parse a table; fractions become decimals.

    Raises
    ------
    PriceError
        If it is no JSON object.
    """
    try:
        table = json.loads(content, parse_float=Decimal) if len(content) <= _LARGEST_BYTES else None
    except ValueError as error:
        msg = f"the price table is no JSON ({error}): nothing was changed"
        raise PriceError(msg) from error
    if not isinstance(table, dict):
        msg = "the price table is no JSON object of models: nothing was changed"
        raise PriceError(msg)
    return table


def sync(
    url: str | None = None,
    *,
    home: Path | None = None,
    confirmed: Collection[str] = (),
    dry_run: bool = False,
    now: datetime | None = None,
) -> TableDiff:
    """Download the price table and add what changed to the prices of this machine.

    Parameters
    ----------
    url : str, optional
        URL or path of the table; LiteLLM's by default.
    home : Path, optional
        ``$TOKENBUDGET_HOME`` by default.
    confirmed : collection of str
        Keys of models whose prices may change more than tenfold; ``{"*"}`` for all.
    dry_run : bool
        Return what would change, without changing it.
    now : datetime, optional
        Start of the new prices (UTC); the current time by default.

    Raises
    ------
    PriceError
        If the table cannot be downloaded or is implausible; nothing is changed then.
    """
    url = url or source_url()
    home = home or config.current().home
    now = now or datetime.now(UTC)
    table = read_table(parse_json(fetch(url)), f"{url} {now:%Y-%m-%d}")
    book = PriceBook.bundled().with_rows(store.synced(home))
    found = diff(book, table, at=now, confirmed=confirmed)
    if not dry_run:
        store.append(home, found.rows, store.SYNCED)
    return found


def report(found: TableDiff) -> Sequence[str]:
    """Return the lines of a report on a sync: the counts, then the prices that were not accepted."""
    counts = ", ".join(f"{count} {kind}" for kind, count in found.counts.items())
    held = [
        f"held: {c.key} {c.field} {number(c.before)} -> {number(c.after)} (confirm with --confirm {c.key})"
        for c in found.held
    ]
    refused = [f"refused: {key}: {problem}" for key, problem in found.refused.items()]
    return [f"prices: {counts}", *held, *refused]
