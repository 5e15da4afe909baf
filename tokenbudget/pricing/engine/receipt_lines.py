"""The token lines of a receipt: how many tokens each rate of a plan bills."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tokenbudget.core.receipt import ReceiptLine
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.engine.charges import EXACT, Side
from tokenbudget.pricing.engine.rate_card import RatePlan

_PICO = Decimal(1).scaleb(-12)
_multiply = EXACT.multiply
_quantize = EXACT.quantize


class NoRateError(Exception):
    """A used part has no rate.

    Parameters
    ----------
    *parts : str
        What has none.
    lines : iterable of ReceiptLine
        What else was used, and has one.
    """

    def __init__(self, *parts: str, lines: Iterable[ReceiptLine] = ()) -> None:
        super().__init__(*parts)
        self.parts = parts
        self.lines = tuple(lines)


def amount(quantity: Decimal, rate: Decimal) -> Decimal:
    """Multiply, to whole picodollars, half to even."""
    return _quantize(_multiply(quantity, rate), _PICO)


def total(lines: Iterable[ReceiptLine]) -> Decimal:
    """Add up amounts exactly."""
    cost = Decimal(0)
    for line in lines:
        cost = EXACT.add(cost, line.amount)
    return cost


def token_lines(plan: RatePlan, usage: Usage, model: str = "") -> list[ReceiptLine]:
    """Bill the tokens of a call by a plan.

    Raises
    ------
    NoRateError
        If tokens were used that have no rate.
    """
    lines: list[ReceiptLine] = []
    if usage.input_tokens:
        _bill(lines, plan, plan.input, usage, usage.input_tokens, model)
    if usage.output_tokens:
        _bill(lines, plan, plan.output, usage, usage.output_tokens, model)
    return lines


def _bill(lines: list[ReceiptLine], plan: RatePlan, side: Side, usage: Usage, whole: int, model: str) -> None:
    rest = whole
    if any(side.read(usage)):
        for charge, count in zip(side.charges, split(side, usage, whole), strict=True):
            if count:
                lines.append(_line(plan, charge.part, count, charge.rate, model))
                rest -= count
    if rest:
        lines.append(_line(plan, side.name, rest, side.rate, model))


def split(side: Side, usage: Usage, whole: int) -> list[int]:
    """Count the tokens of each part, so that no token is in two parts and all fit into the whole."""
    counts = []
    for charge in side.charges:
        count: int = getattr(usage, charge.field)
        if count:
            for field in charge.less:
                count -= getattr(usage, field)
        counts.append(max(count, 0))
    excess = sum(counts) - whole
    if excess > 0:
        # Parts overlap where the provider does not say by how much: audio may have been read from the cache.
        for index in reversed(range(len(counts))):
            taken = min(excess, counts[index])
            counts[index] -= taken
            excess -= taken
    return counts


def _line(plan: RatePlan, part: str, count: int, rate: Decimal | None, model: str) -> ReceiptLine:
    if rate is None:
        raise NoRateError(f"{part} tokens")
    quantity = Decimal(count)
    return ReceiptLine(
        part=part,
        unit="token",
        quantity=quantity,
        rate=rate,
        amount=_quantize(_multiply(quantity, rate), _PICO),
        price_key=plan.key,
        tier=plan.tier,
        source=plan.source,
        model=model,
    )
