"""What a call costs beside tokens: tool calls, and units such as seconds, images or pages (``data/fees.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from tokenbudget.core.usage import Usage
from tokenbudget.pricing.plan import Card
from tokenbudget.pricing.table import PriceRow

PREPAID = "prepaid"
"""The tier whose tokens are paid for by time."""
PROVISIONED = Card(
    "provisioned throughput", {"input_cost_per_token": 0, "output_cost_per_token": 0}, own=("input_cost_per_token",)
)
"""What is known of the model behind provisioned throughput: nothing."""
_SIZES = ("low", "medium", "high")
_USD = "_usd"


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


class Fee(msgspec.Struct, frozen=True):
    """A fee from a provider's price list."""

    provider: str
    tool: str
    usd: Decimal
    source: str


class Batch(msgspec.Struct, frozen=True):
    """What batches cost of a provider's standard rates."""

    of_standard: Decimal
    source: str


class Unit(msgspec.Struct, frozen=True):
    """A unit other than tokens: the rates that may price it, and the tokens that may stand for it."""

    slots: tuple[str, ...]
    unit: str
    side: str = ""


class Free(msgspec.Struct, frozen=True):
    """Patterns of the keys whose zeros are meant."""

    keys: tuple[str, ...]
    exempt: tuple[str, ...] = msgspec.field(name="except")


class Fees(msgspec.Struct, frozen=True):
    """The whole file."""

    tiers: dict[str, list[str]]
    tools: dict[str, Tool]
    fees: tuple[Fee, ...]
    batches: dict[str, Batch]
    units: dict[str, Unit]
    free: Free


@cache
def table() -> Fees:
    """Read the fees."""
    text = files(__package__).joinpath("data", "fees.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Fees)


@cache
def tier_of(name: str | None) -> str:
    """Give the tier of the table that a provider's word means; empty for the standard one.

    Examples
    --------
    >>> tier_of("ON_DEMAND_FLEX"), tier_of("default"), tier_of("ultrafast")
    ('flex', '', 'ultrafast')
    """
    word = (name or "").strip().lower().replace("-", "_")
    for tier, words in table().tiers.items():
        if word in words:
            return "" if tier == "standard" else tier
    return word


def is_free(row: PriceRow) -> bool:
    """Tell whether the zeros of a row are meant; a row that states nothing is never free."""
    free = table().free
    meant = any(fnmatchcase(row.key, p) for p in free.keys) and not any(fnmatchcase(row.key, p) for p in free.exempt)
    return meant and bool(row.fields())


class Extra(msgspec.Struct, frozen=True):
    """Something used beside tokens; no rate means that none is known."""

    part: str
    unit: str
    quantity: Decimal
    rate: Decimal | None
    source: str


def extras(card: Card, provider: str, usage: Usage, tier: str) -> Iterator[Extra]:
    """Give what a call used beside tokens, each with its rate."""
    for name, calls in usage.tools.items():
        if calls:
            yield from _tool(card, provider, name, calls, usage)
    for name, quantity in usage.units.items():
        if quantity:
            yield from _unit(card, name, Decimal(quantity), usage, tier)
    if (per_request := card.rate("input_per_request", tier)) is not None:
        yield Extra("request", "request", Decimal(1), per_request, card.source)


def _tool(card: Card, provider: str, name: str, calls: int, usage: Usage) -> Iterator[Extra]:
    base, _, size = name.partition(":")
    tool = table().tools.get(base)
    listed = _listed(card, tool, size) if tool else None
    if tool is None or listed is None:
        fee = next((fee for fee in table().fees if (fee.provider, fee.tool) == (provider, base)), None)
        rate, source = (fee.usd, fee.source) if fee else (None, "")
        yield Extra(name, "call", Decimal(calls), rate, source)
    elif not _billed_instead(card, tool, usage):
        count, rate = _counted(card, tool, calls, listed)
        yield Extra(name, "call", Decimal(count), rate, card.source)


def _billed_by(card: Card) -> str:
    return str(card.fields.get("web_search_billing_unit", "per_prompt"))


def _billed_instead(card: Card, tool: Tool, usage: Usage) -> bool:
    """Tell whether the call names the same thing a second time, and that is what the row bills."""
    used = {name.partition(":")[0] for name, calls in usage.tools.items() if calls}
    known = table().tools
    twins = [known[name] for name in used if name in known and known[name].field == tool.field]
    is_twin = bool(tool.counts) and tool.counts != _billed_by(card)
    return tool.unless in used or (is_twin and any(twin.counts == _billed_by(card) for twin in twins))


def _counted(card: Card, tool: Tool, calls: int, listed: Decimal) -> tuple[int, Decimal | None]:
    """Count calls in what the row bills: the searches of one call are one prompt, but a prompt is unknown searches."""
    if tool.counts in ("", _billed_by(card)):
        return calls, listed
    return (1, listed) if tool.counts == "per_query" else (calls, None)


def _listed(card: Card, tool: Tool, size: str) -> Decimal | None:
    value: Any = card.fields.get(tool.field)
    if isinstance(value, dict):
        value = value.get(f"search_context_size_{size if size in _SIZES else 'medium'}")
    if value is None or isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    # A fee of 0 in the table is a blank: no provider lists a tool as free of charge that way.
    return card.discounted(Decimal(value)) or None


def _unit(card: Card, name: str, quantity: Decimal, usage: Usage, tier: str) -> Iterator[Extra]:
    base, _, variant = name.partition(":")
    if base.endswith(_USD):
        # An amount that the provider states; where its tool is priced, this is the same money.
        if not any(tool.partition(":")[0] == base.removesuffix(_USD) for tool in usage.tools):
            yield Extra(base.removesuffix(_USD), "usd", quantity, Decimal(1), "provider")
        return
    unit = table().units.get(base)
    if unit is None:
        yield Extra(name, name, quantity, None, "")
    elif not _measured_in_tokens(card, unit.side, usage):
        yield Extra(name, unit.unit, quantity, _unit_rate(card, unit, variant, tier), card.source)


def has_rate(card: Card, name: str, tier: str) -> bool:
    """Tell whether a row has a rate for a unit, e.g. ``seconds``."""
    base, _, variant = name.partition(":")
    unit = table().units.get(base)
    return unit is not None and _unit_rate(card, unit, variant, tier) is not None


def _unit_rate(card: Card, unit: Unit, variant: str, tier: str) -> Decimal | None:
    slots = [f"{slot}:{variant}" for slot in unit.slots if variant] + list(unit.slots)
    rates = [rate for slot in slots if (rate := card.rate(slot, tier)) is not None]
    # The table repeats a rate on the other side as zero (input_cost_per_second beside output_cost_per_second 0).
    return next((rate for rate in rates if rate), rates[0] if rates else None)


def _measured_in_tokens(card: Card, side: str, usage: Usage) -> bool:
    counts = {"input": usage.input_tokens, "output": usage.output_tokens}
    sides = counts if side == "any" else [side] if side else ()
    return any(counts[name] and card.rate(name) for name in sides)
