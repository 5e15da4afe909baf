"""The pricer of this process: the bundled book, what was synced, the user's overrides and names."""

from __future__ import annotations

from tokenbudget import config
from tokenbudget.pricing.book import store
from tokenbudget.pricing.book.price_book import PriceBook
from tokenbudget.pricing.engine.pricer import Pricer

in_force: tuple[config.Config, Pricer] | None = None
"""The pricer, with the settings it was made for; None until it is asked for."""

_bundled: PriceBook | None = None


def default() -> Pricer:
    """Return the pricer for the settings in force, reading the prices on first use.

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
    """Read the prices afresh at the next call: they were changed."""
    global in_force  # noqa: PLW0603
    in_force = None
