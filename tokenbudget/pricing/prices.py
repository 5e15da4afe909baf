"""``tb.prices``: prices of your own, and syncing the table.

>>> from tokenbudget.pricing import prices
>>> prices.set(model="gpt-4o", provider="openai", multiplier="0.85", effective_from="2026-11-01")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tokenbudget import config
from tokenbudget.core.providers import canonical
from tokenbudget.pricing.book import overrides, store
from tokenbudget.pricing.book.overrides import Override
from tokenbudget.pricing.book.price_book import encode_fields
from tokenbudget.pricing.book.sync import sync as _sync
from tokenbudget.pricing.default_pricer import forget

__all__ = ["clear", "overridden", "set", "sync"]


def set(  # noqa: A001, PLR0913 (read as prices.set; one keyword per rate that people negotiate)
    *,
    model: str,
    provider: str,
    effective_from: datetime | date | str | None = None,
    input_per_million: Any = None,
    output_per_million: Any = None,
    cache_read_per_million: Any = None,
    cache_write_per_million: Any = None,
    rates: Mapping[str, Any] | None = None,
    multiplier: Any = None,
    note: str = "",
) -> Override:
    """Set what you pay for a model: negotiated rates, a discount, or the price of a private model.

    Rates given take the place of the same rates of the table; the model's other rates (other tiers, long contexts) stay
    the table's.  `multiplier` moves all its rates alike.  What was set before stays in the file and holds until the new
    date.

    Parameters
    ----------
    model : str
        Id, alias or deployment as your calls name it; ``*`` for all models of the provider.
    provider : str
        Who bills: ``openai``, ``azure``, ``bedrock``, …
    effective_from : datetime, date or str, optional
        From when on; a day begins at midnight UTC.  Since ever by default.
    input_per_million, output_per_million, cache_read_per_million, cache_write_per_million : number or str, optional
        US dollars per million tokens.
    rates : mapping, optional
        Fields of LiteLLM's table and US dollars per single unit, e.g. ``{"output_cost_per_image": "0.03"}``.
    multiplier : number or str, optional
        ``0.85`` is 15 % off, on every rate.
    note : str
        Shown as the source in receipts.

    Raises
    ------
    PriceError
        If a value is missing, contradicts another or is out of bounds.

    Examples
    --------
    >>> import tempfile
    >>> _ = config.configure(home=tempfile.mkdtemp())
    >>> set(model="house-llm", provider="openai", input_per_million=0.2, output_per_million="0.8").model
    'house-llm'
    >>> clear(model="house-llm", provider="openai")
    """
    override = overrides.make(
        model=model,
        provider=provider,
        effective_from=effective_from,
        input_per_million=input_per_million,
        output_per_million=output_per_million,
        cache_read_per_million=cache_read_per_million,
        cache_write_per_million=cache_write_per_million,
        rates=rates,
        multiplier=multiplier,
        note=note,
    )
    store.append(config.current().home, [override], store.OVERRIDES)
    forget()
    return override


def clear(*, model: str, provider: str, effective_from: datetime | date | str | None = None) -> None:
    """Go back to the table's price from a date on (since ever by default); what held before that date stays.

    Raises
    ------
    PriceError
        If the date cannot be read or the file cannot be written.
    """
    ended = Override(
        provider=canonical(provider),
        model=model.strip(),
        prices=encode_fields({}),
        effective_from=overrides.instant(effective_from),
    )
    store.append(config.current().home, [ended], store.OVERRIDES)
    forget()


def overridden() -> list[Override]:
    """Return all overrides of this machine, in the order in which they were set."""
    return store.overrides(config.current().home)


def sync(url: str | None = None, **options: Any) -> Any:
    """Fetch the price table and append what changed; see `tokenbudget.pricing.book.sync.sync`."""
    found = _sync(url, **options)
    forget()
    return found
