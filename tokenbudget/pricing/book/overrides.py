"""The user's own prices: negotiated rates, discounts, private models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

import msgspec

from tokenbudget.core.errors import PriceError
from tokenbudget.core.period import utc
from tokenbudget.core.providers import canonical
from tokenbudget.pricing.book.field_names import parse
from tokenbudget.pricing.book.price_book import decode_fields, encode_fields

ANY_MODEL = "*"
MULTIPLIER = "multiplier"
_MILLION = Decimal(1_000_000)
_PER_MILLION = {
    "input_per_million": "input_cost_per_token",
    "output_per_million": "output_cost_per_token",
    "cache_read_per_million": "cache_read_input_token_cost",
    "cache_write_per_million": "cache_creation_input_token_cost",
}
# Above this a rate per token is surely one per million.
_DEAREST_TOKEN = Decimal("0.01")
_DEAREST_UNIT = Decimal(10_000)
_LARGEST_MULTIPLIER = Decimal(100)
_MAGNITUDES = range(-30, 13)
"""Powers of ten that any price has; what is computed of them stays exact."""
_SHOWN = 64


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The price that a user pays for a model from a date on, instead of the table's.

    Attributes
    ----------
    provider : str
        TokenBudget's name of the provider.
    model : str
        Id, alias or deployment as calls name it; ``*`` for all models of the provider.
    prices : msgspec.Raw
        Price fields that take the place of the row's own, or ``multiplier`` for all its rates; empty ends the override.
    effective_from : datetime or None
        UTC; None holds since ever.
    note : str
        For people: the contract, the ticket.
    """

    provider: str
    model: str
    prices: msgspec.Raw
    effective_from: datetime | None = None
    note: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the price fields, fractions as `Decimal`."""
        return decode_fields(self.prices)

    @property
    def source(self) -> str:
        """What receipts name as the source."""
        return f"override: {self.note}" if self.note else "override"


def make(  # noqa: PLR0913 (one keyword per rate that people negotiate)
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
    """Check an override and make it; the parameters are those of `tokenbudget.pricing.prices.set`.

    Raises
    ------
    PriceError
        If a value is missing, contradicts another or is out of bounds; the text says which and what to write instead.
    """
    if not model.strip() or not provider.strip():
        msg = "a price needs a model and a provider, e.g. prices.set(model='gpt-4o', provider='openai', ...)"
        raise PriceError(msg)
    millions = (input_per_million, output_per_million, cache_read_per_million, cache_write_per_million)
    prices = {
        field: _number(name, value) / _MILLION
        for (name, field), value in zip(_PER_MILLION.items(), millions, strict=True)
        if value is not None
    }
    for name, value in (rates or {}).items():
        _check_name(name)
        prices[name] = _number(name, value)
    for name, rate in prices.items():
        _check_rate(name, rate)
    if bool(prices) == (multiplier is not None):
        msg = f"the price of {model} needs either rates (input_per_million=, rates=...) or multiplier=, not both"
        raise PriceError(msg)
    if multiplier is not None:
        prices[MULTIPLIER] = _check_multiplier(_number(MULTIPLIER, multiplier))
    return Override(
        provider=canonical(provider),
        model=model.strip(),
        prices=encode_fields(prices),
        effective_from=instant(effective_from),
        note=note,
    )


def instant(value: datetime | date | str | None) -> datetime | None:
    """Read a date as a UTC instant: a day is its first instant in UTC.

    Raises
    ------
    PriceError
        If it is no date, an instant without a time zone, or before 1970 or after 2199.

    Examples
    --------
    >>> instant("2026-11-01")
    datetime.datetime(2026, 11, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if "T" in value or " " in value else date.fromisoformat(value)
        except ValueError:
            msg = f"effective_from={value!r} is no date: write e.g. '2026-11-01' or '2026-11-01T09:00:00+01:00'"
            raise PriceError(msg) from None
    if value is None:
        return None
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if value.tzinfo is None:
        msg = f"effective_from={value.isoformat()} has no time zone: add one, e.g. {value.isoformat()}+00:00"
        raise PriceError(msg)
    try:
        return utc(value)
    except OverflowError:
        msg = f"effective_from={value.isoformat()} is not between 1970 and 2199: leave it out for since ever"
        raise PriceError(msg) from None


def _number(name: str, value: Any) -> Decimal:
    try:
        # A float's shortest text is what the user wrote; its binary value is not.
        number = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        number = Decimal("NaN")
    is_priceable = number.is_finite() and number >= 0 and (not number or number.adjusted() in _MAGNITUDES)
    if isinstance(value, bool) or not is_priceable:
        msg = f"{name}={repr(value)[:_SHOWN]} is no price: write a number of US dollars that is not negative"
        raise PriceError(msg)
    return number


def _check_name(name: str) -> None:
    if parse(name) is None:
        near = get_close_matches(name[:_SHOWN], [*_PER_MILLION.values(), "input_cost_per_token_batches"], n=1)
        meant = f"did you mean {near[0]}" if near else "e.g. input_cost_per_token"
        msg = f"unknown price field {name[:_SHOWN]!r}: {meant}?"
        raise PriceError(msg)


def _check_rate(name: str, rate: Decimal) -> None:
    field = parse(name)
    per_token = field is not None and field.unit == "token"
    if rate > (_DEAREST_TOKEN if per_token else _DEAREST_UNIT):
        unit = field.unit if field else "unit"
        msg = f"{name}={rate} US dollars per {unit} is too much to be true"
        raise PriceError(
            f"{msg}: prices per million tokens go into input_per_million= and its like" if per_token else msg
        )


def _check_multiplier(multiplier: Decimal) -> Decimal:
    if not 0 < multiplier <= _LARGEST_MULTIPLIER:
        msg = f"multiplier={multiplier} must lie above 0 and up to {_LARGEST_MULTIPLIER}: 0.85 is 15 % off"
        raise PriceError(msg)
    return multiplier


class Overrides:
    """Overrides by provider and model."""

    def __init__(self, overrides: Iterable[Override] = ()) -> None:
        self._by_name: dict[tuple[str, str], dict[datetime | None, Override]] = {}
        for override in overrides:
            # Of two for the same model and date the later one given counts.
            self._by_name.setdefault((override.provider, override.model), {})[override.effective_from] = override

    def of(self, provider: str, names: Iterable[str]) -> list[Override]:
        """Return the overrides of the first name that has any."""
        for name in names:
            if found := self._by_name.get((provider, name)):
                return list(found.values())
        return []
