"""Costs beside tokens: tool calls, and units such as seconds, images or pages (``data/fees.toml``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book.fee_list import Fee, Tool, Unit, table
from tokenbudget.pricing.engine.rate_card import RateCard

PROVISIONED: tuple[tuple[float, RateCard | None], ...] = (
    (
        float("-inf"),
        RateCard(
            "provisioned throughput",
            {"input_cost_per_token": 0, "output_cost_per_token": 0},
            own=("input_cost_per_token",),
        ),
    ),
)
"""What is known of the model behind provisioned throughput: nothing."""
_SIZES = ("low", "medium", "high")
_USD = "_usd"


class Extra(msgspec.Struct, frozen=True):
    """A tool or unit that a call used; its rate is None if unknown."""

    part: str
    unit: str
    quantity: Decimal
    rate: Decimal | None
    source: str


def extras(card: RateCard, provider: str, usage: Usage, tier: str) -> Iterator[Extra]:
    """Return what a call used beside tokens, each with its rate."""
    for name, calls in usage.tools.items():
        if calls:
            yield from _tool(card, provider, name, calls, usage, tier)
    for name, quantity in usage.units.items():
        if quantity:
            yield from _unit(card, name, _at_least(provider, name, Decimal(quantity)), usage, tier)
    if (per_request := card.rate("input_per_request", tier)) is not None:
        yield Extra("request", "request", Decimal(1), per_request, card.source)


def _tool(card: RateCard, provider: str, name: str, calls: int, usage: Usage, tier: str) -> Iterator[Extra]:
    tool = table().tools.get(name.partition(":")[0])
    own, listed, fee = _own(card, name), _listed(card, tool, name) if tool else None, _fee(card, provider, name)
    if own is not None:
        yield Extra(name, "call", Decimal(calls), own, card.source)
    elif tool is not None and listed is not None and (fee is None or not fee.over_row or tool.field in card.own):
        if not _billed_instead(card, tool, usage):
            count, rate = _counted(card, tool, calls, listed)
            yield Extra(name, "call", Decimal(count), rate, card.source)
    elif fee is None:
        yield Extra(name, "call", Decimal(calls), None, "")
    else:
        yield Extra(name, "call", Decimal(calls), fee.usd, f"{fee.source} ({fee.date})")
        if fee.input_tokens:
            yield _content(card, name, calls * fee.input_tokens, usage, tier)


def _own(card: RateCard, name: str) -> Decimal | None:
    """Return what the user pays for a tool's call or a unit, e.g. as ``code_interpreter_4g_cost_per_call``."""
    fields = (f"{form.replace(':', '_')}_cost_per_call" for form in (name, name.partition(":")[0]))
    return next((card.discounted(Decimal(card.fields[field])) for field in fields if field in card.own), None)


def _fee(card: RateCard, provider: str, name: str) -> Fee | None:
    base, _, variant = name.partition(":")
    tool, model = base if variant in _SIZES else name, card.key.rpartition("/")[2]
    fees = (fee for fee in table().fees if (fee.provider, fee.tool) == (provider, tool))
    return next((fee for fee in fees if any(fnmatchcase(model, pattern) for pattern in fee.models)), None)


def _content(card: RateCard, name: str, tokens: int, usage: Usage, tier: str) -> Extra:
    """Bill what a tool gave the model to read, where that is a number of tokens whatever it was.

    Whether the input that is stated has them no answer says; one that is smaller than they are has not.
    """
    is_beside = usage.input_tokens is not None and usage.input_tokens < tokens
    rate = card.rate("input", tier) if is_beside else None
    return Extra(f"{name}_content", "token", Decimal(tokens), rate, card.source)


def _billed_by(card: RateCard) -> str:
    return str(card.fields.get("web_search_billing_unit", "per_prompt"))


def _billed_instead(card: RateCard, tool: Tool, usage: Usage) -> bool:
    """Return whether the call names the same thing a second time, and that is what the row bills."""
    used = {name.partition(":")[0] for name, calls in usage.tools.items() if calls}
    known = table().tools
    twins = [known[name] for name in used if name in known and known[name].field == tool.field]
    is_twin = bool(tool.counts) and tool.counts != _billed_by(card)
    return tool.unless in used or (is_twin and any(twin.counts == _billed_by(card) for twin in twins))


def _counted(card: RateCard, tool: Tool, calls: int, listed: Decimal) -> tuple[int, Decimal | None]:
    """Count calls in what the row bills: the searches of one call are one prompt, but a prompt is unknown searches."""
    if tool.counts in ("", _billed_by(card)):
        return calls, listed
    return (1, listed) if tool.counts == "per_query" else (calls, None)


def _listed(card: RateCard, tool: Tool, name: str) -> Decimal | None:
    value: Any = card.fields.get(tool.field)
    size = name.partition(":")[2]
    if isinstance(value, dict):
        value = value.get(f"search_context_size_{size if size in _SIZES else 'medium'}")
    if value is None or isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    # A fee of 0 in the table is a blank: no provider lists a tool as free of charge that way.
    return card.discounted(Decimal(value)) or None


def _at_least(provider: str, name: str, quantity: Decimal) -> Decimal:
    """Return how much of a unit is billed where so much was used."""
    least = (minimum.least for minimum in table().minimums if (minimum.provider, minimum.unit) == (provider, name))
    return max((quantity, *least))


def _unit(card: RateCard, name: str, quantity: Decimal, usage: Usage, tier: str) -> Iterator[Extra]:
    base, _, variant = name.partition(":")
    if base.endswith(_USD):
        # An amount that the provider states; where its tool is priced, this is the same money.
        if not any(tool.partition(":")[0] == base.removesuffix(_USD) for tool in usage.tools):
            yield Extra(base.removesuffix(_USD), "usd", quantity, Decimal(1), "provider")
        return
    unit = table().units.get(base)
    if unit is None:
        yield Extra(name, name, quantity, _own(card, name), card.source)
    elif not _measured_in_tokens(card, unit.side, usage):
        rate, source = _unit_rate(card, unit, variant, tier)
        yield Extra(name, unit.unit, quantity, rate, source)


def how_to_set(provider: str, model: str, parts: Iterable[str]) -> str:
    """Write the line that sets the rates of parts that have none.

    Examples
    --------
    >>> how_to_set("openai", "gpt-5", ["file_search"])
    "tb.prices.set(provider='openai', model='gpt-5', rates={'file_search_cost_per_call': ...})"
    """
    rates = ", ".join(f"{_field(part)!r}: ..." for part in parts)
    return f"tb.prices.set(provider={provider!r}, model={model!r}, rates={{{rates}}})"


def _field(part: str) -> str:
    """Name the field that would price a part."""
    name, _, kind = part.partition(" ")
    base, _, variant = name.partition(":")
    if kind == "tokens":
        return f"{name}_cost_per_token"
    if kind == "speed":
        return "input_cost_per_token"
    if kind in ("input", "output"):
        return f"{kind}_cost_per_token_{name}"
    if unit := table().units.get(base):
        return unit.slots[0].replace("per_", "cost_per_", 1)
    return f"{base}_{variant}_cost_per_call" if variant else f"{base}_cost_per_call"


def has_rate(card: RateCard, name: str, tier: str) -> bool:
    """Return whether a row has a rate for a unit, e.g. ``seconds``."""
    base, _, variant = name.partition(":")
    unit = table().units.get(base)
    return unit is not None and _unit_rate(card, unit, variant, tier)[0] is not None


def _unit_rate(card: RateCard, unit: Unit, variant: str, tier: str) -> tuple[Decimal | None, str]:
    """Return the rate of a unit and its source: the row's for the variant, a listed one, or the row's plain one."""
    if variant and (rate := _first(card, [f"{slot}:{variant}" for slot in unit.slots], tier)) is not None:
        return rate, card.source
    if not variant or card.is_own or not unit.plain or variant in unit.plain:
        return _first(card, unit.slots, tier), card.source
    model = card.key.rpartition("/")[2]
    for listed in unit.rates:
        if variant in listed.variants and any(fnmatchcase(model, pattern) for pattern in listed.models):
            return card.discounted(listed.usd), f"{listed.source} ({listed.date})"
    return None, ""


def _first(card: RateCard, slots: Iterable[str], tier: str) -> Decimal | None:
    rates = [rate for slot in slots if (rate := card.rate(slot, tier)) is not None]
    # The table repeats a rate on the other side as zero (input_cost_per_second beside output_cost_per_second 0).
    return next((rate for rate in rates if rate), rates[0] if rates else None)


def _measured_in_tokens(card: RateCard, side: str, usage: Usage) -> bool:
    counts = {"input": usage.input_tokens, "output": usage.output_tokens}
    sides = counts if side == "any" else [side] if side else ()
    return any(counts[name] and card.rate(name) for name in sides)
