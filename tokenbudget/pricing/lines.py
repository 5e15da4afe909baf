"""Lines of a receipt: how many tokens each rate of a plan bills, to the last one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from tokenbudget.core.receipt import Line
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.plan import Charge, Plan

# A context of its own: the caller's may be of any precision, or trap.
EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
_PICO = Decimal(1).scaleb(-12)


class NoRateError(Exception):
    """Something was used that has no rate; the name of the part is the argument."""


def amount(quantity: Decimal, rate: Decimal) -> Decimal:
    """Multiply, to whole picodollars, half to even."""
    return EXACT.quantize(EXACT.multiply(quantity, rate), _PICO)


def total(lines: Iterable[Line]) -> Decimal:
    """Add up amounts exactly."""
    cost = Decimal(0)
    for line in lines:
        cost = EXACT.add(cost, line.amount)
    return cost


def token_lines(plan: Plan, usage: Usage, model: str = "") -> list[Line]:
    """Bill the tokens of a call by a plan.

    Raises
    ------
    NoRateError
        If tokens were used that have no rate.
    """
    lines: list[Line] = []
    whole = usage.input_tokens or 0
    if whole:
        counts = _split(plan.input, usage, whole)
        _bill(lines, plan, plan.input, counts, model)
        _add(lines, plan, "input", whole - sum(counts), plan.input_rate, model)
    whole = usage.output_tokens or 0
    if whole:
        counts = _split(plan.output, usage, whole)
        _bill(lines, plan, plan.output, counts, model)
        _add(lines, plan, "output", whole - sum(counts), plan.output_rate, model)
    return lines


def _split(charges: tuple[Charge, ...], usage: Usage, whole: int) -> list[int]:
    """Count the tokens of each part, so that no token is in two parts and all fit into the whole."""
    counts = []
    for charge in charges:
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


def _bill(lines: list[Line], plan: Plan, charges: tuple[Charge, ...], counts: list[int], model: str) -> None:
    for charge, count in zip(charges, counts, strict=True):
        if count:
            _add(lines, plan, charge.part, count, charge.rate, model)


def _add(lines: list[Line], plan: Plan, part: str, count: int, rate: Decimal | None, model: str) -> None:
    if not count:
        return
    if rate is None:
        raise NoRateError(part)
    quantity = Decimal(count)
    lines.append(
        Line(
            part=part,
            unit="token",
            quantity=quantity,
            rate=rate,
            amount=EXACT.quantize(EXACT.multiply(quantity, rate), _PICO),
            price_key=plan.key,
            tier=plan.tier,
            source=plan.source,
            model=model,
        )
    )
