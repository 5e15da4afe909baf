"""The pricer of this process: bundled and synced prices, and the user's own prices and model names."""

from __future__ import annotations

from tokenbudget import config
from tokenbudget.pricing.book import store
from tokenbudget.pricing.book.price_book import PriceBook
from tokenbudget.pricing.engine.pricer import Pricer

in_force: tuple[config.Config, Pricer] | None = None
"""The pricer and the settings it belongs to; None before first use."""

_bundled: PriceBook | None = None


def default() -> Pricer:
    """Return the pricer for the settings in force; prices are read on first use.

    Raises
    ------
    PriceError
        If a price file of this machine cannot be read.
    """
    global in_force, _bundled  # noqa: PLW0603 (read once, on first use)
    settings = config.for_recording()
    if in_force is None or in_force[0] is not settings:
        _bundled = _bundled or PriceBook.bundled()
        book = _bundled.with_rows(store.synced(settings.home))
        in_force = (settings, Pricer(book, settings.models, store.overrides(settings.home)))
    return in_force[1]


def forget() -> None:
    """Discard the pricer after prices have changed; the next use reads them again."""
    global in_force  # noqa: PLW0603
    in_force = None
