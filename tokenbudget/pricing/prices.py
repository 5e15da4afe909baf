"""``tb.prices``: set your own prices, and update the price table.

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

    The given rates replace those of the price table; the model's other rates (other tiers, long contexts) stay as they
    are.  `multiplier` applies to all of its rates.  An earlier setting remains in force until the new date.

    Parameters
    ----------
    model : str
        Id, alias or deployment, as in your calls; ``*`` for all models of the provider.
    provider : str
        Who bills: ``openai``, ``azure``, ``bedrock``, …
    effective_from : datetime, date or str, optional
        Start of the price; a date means midnight UTC.  By default it applies to all calls, past ones included.
    input_per_million, output_per_million, cache_read_per_million, cache_write_per_million : number or str, optional
        US dollars per million tokens.
    rates : mapping, optional
        Field names of LiteLLM's table, with US dollars per single unit: ``{"output_cost_per_image": "0.03"}``.
    multiplier : number or str, optional
        Factor on every rate: ``0.85`` is a discount of 15 %.
    note : str
        Text that receipts show as the source of the price.

    Raises
    ------
    PriceError
        If a value is missing, not valid, or contradicts another.

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
    """Return to the price of the table from a date on (for all calls by default); earlier prices stay in force.

    Raises
    ------
    PriceError
        If the date is not valid or the file cannot be written.
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
    """Return all prices that were set on this machine, the oldest first."""
    return store.overrides(config.current().home)


def sync(url: str | None = None, **options: Any) -> Any:
    """Download the price table and store what changed; see `tokenbudget.pricing.book.sync.sync`."""
    found = _sync(url, **options)
    forget()
    return found
