"""Fees, tiers and units that the price table lacks, with their sources (``data/fees.toml``)."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

import msgspec

from tokenbudget.pricing.book.price_book import PriceRow

PREPAID = "prepaid"
"""The tier whose tokens are prepaid by time."""


class Tool(msgspec.Struct, frozen=True):
    """A tool whose fee the model's row states.

    Attributes
    ----------
    field : str
        Where the row states it.
    counts : str
        What its calls are counted in, where rows differ.
    unless : str
        Another tool that is billed in its place where the call has both.
    """

    field: str
    counts: str = ""
    unless: str = ""


class Fee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fee from a provider's price list.

    Attributes
    ----------
    tool : str
        The tool as `Usage.tools` names it, with its variant where fees differ: ``code_interpreter:4g``.
    models : tuple of str
        Patterns of the models it holds for.
    usd : Decimal
        US dollars a call.
    input_tokens : int
        Tokens that each call is billed for beside the fee, at the model's rate of input.
    over_row : bool
        Whether it comes before what the model's row states, which is the fee of another tool.
    source, date : str
        The price list, and when it said so.
    """

    provider: str
    tool: str
    models: tuple[str, ...] = ("*",)
    usd: Decimal
    input_tokens: int = 0
    over_row: bool = False
    source: str
    date: str


class ProviderTiers(msgspec.Struct, frozen=True):
    """What tiers cost of a provider's standard rates."""

    rates: dict[str, Decimal]
    source: str


class TierRates(msgspec.Struct, frozen=True):
    """Ratios of tiers to the standard rates if a row has none, and tiers that cost more."""

    surcharged: tuple[str, ...]
    of: dict[str, ProviderTiers]


class Uplift(msgspec.Struct, frozen=True):
    """What serving a call in a region costs of a provider's standard rates, for all of its models."""

    provider: str
    regions: tuple[str, ...]
    of_standard: Decimal
    source: str


class Rate(msgspec.Struct, frozen=True):
    """What a variant of a unit costs with some models, from a provider's price list."""

    models: tuple[str, ...]
    variants: tuple[str, ...]
    usd: Decimal
    source: str
    date: str


class Unit(msgspec.Struct, frozen=True):
    """A unit other than tokens: the rates that may price it, and the tokens that may stand for it.

    Attributes
    ----------
    slots : tuple of str
        Where a row may state its rate.
    plain : tuple of str
        Variants that a row's plain rate holds for; empty: all that the row has no rate of their own for.
    rates : tuple of Rate
        Rates that a row does not state.
    """

    slots: tuple[str, ...]
    unit: str
    side: str = ""
    plain: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()


class Minimum(msgspec.Struct, frozen=True):
    """How much of a unit a provider bills at least."""

    provider: str
    unit: str
    least: Decimal
    source: str


class Bills(msgspec.Struct, frozen=True):
    """Providers that state their bill in the answer, and mean it where it is 0."""

    zero: tuple[str, ...]


class Routers(msgspec.Struct, frozen=True):
    """Keys of deployments that hand each call on to a model of their choice: their rows are what that costs."""

    keys: tuple[str, ...]


class Free(msgspec.Struct, frozen=True):
    """Patterns of the keys whose zeros are meant."""

    keys: tuple[str, ...]
    exempt: tuple[str, ...] = msgspec.field(name="except")


class Fees(msgspec.Struct, frozen=True):
    """The whole file."""

    tiers: dict[str, list[str]]
    tools: dict[str, Tool]
    fees: tuple[Fee, ...]
    own_tiers: dict[str, dict[str, str]]
    tier_rates: TierRates
    uplifts: tuple[Uplift, ...]
    bills: Bills
    routers: Routers
    minimums: tuple[Minimum, ...]
    units: dict[str, Unit]
    free: Free


@cache
def table() -> Fees:
    """Read the fees."""
    text = files("tokenbudget.pricing").joinpath("data", "fees.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Fees)


@cache
def tier_of(name: str | None, provider: str = "") -> str:
    """Return the tier of the table that a provider's word means; empty for the standard one.

    Examples
    --------
    >>> tier_of("ON_DEMAND_FLEX"), tier_of("default"), tier_of("ultrafast"), tier_of("priority", "anthropic")
    ('flex', '', 'ultrafast', 'prepaid')
    """
    word = (name or "").strip().lower().replace("-", "_")
    if own := table().own_tiers.get(provider, {}).get(word):
        return own
    for tier, words in table().tiers.items():
        if word in words:
            return "" if tier == "standard" else tier
    return word


def of_standard(provider: str, tier: str) -> Decimal | None:
    """Return what a tier costs of a provider's standard rates, where its price list says so for all of its models.

    Examples
    --------
    >>> of_standard("bedrock", "priority"), of_standard("openai", "priority")
    (Decimal('1.75'), None)
    """
    known = table().tier_rates.of.get(provider)
    return None if known is None else known.rates.get(tier)


def of_region(provider: str, region: str) -> Decimal | None:
    """Return what a region costs of a provider's standard rates, where its price list says so for all of its models.

    Examples
    --------
    >>> of_region("together", "ca"), of_region("together", "")
    (Decimal('1.25'), None)
    """
    known = (uplift for uplift in table().uplifts if uplift.provider == provider and region in uplift.regions)
    return next((uplift.of_standard for uplift in known), None)


def is_surcharged(tier: str) -> bool:
    """Return whether a tier costs more than the standard one wherever it is listed."""
    return tier in table().tier_rates.surcharged


def is_free(row: PriceRow) -> bool:
    """Return whether the zeros of a row are meant; a row that states nothing is never free."""
    free = table().free
    meant = any(fnmatchcase(row.key, p) for p in free.keys) and not any(fnmatchcase(row.key, p) for p in free.exempt)
    return meant and bool(row.fields())


def is_bill(provider: str, usd: Decimal) -> bool:
    """Return whether an amount in an answer is what the provider bills: 0 beside tokens is mostly a placeholder.

    Examples
    --------
    >>> is_bill("openrouter", Decimal(0)), is_bill("azure", Decimal(0)), is_bill("azure", Decimal("0.02"))
    (True, False, True)
    """
    return usd.is_finite() and (usd > 0 or (usd == 0 and provider in table().bills.zero))
