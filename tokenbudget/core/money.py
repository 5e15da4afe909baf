"""Exact money: US dollars as ``Decimal``, stored as whole picodollars (1e-12 USD).

A picodollar is the last digit of ``NUMERIC(20, 12)``; one token at $0.02 per million tokens costs 20,000 of them.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

PICO = 10**12
_QUANTUM = Decimal(1).scaleb(-12)


def quantize(amount: Decimal) -> Decimal:
    """Round to whole picodollars, half to even.

    Examples
    --------
    >>> quantize(Decimal("0.0000000000005"))
    Decimal('0E-12')
    """
    return amount.quantize(_QUANTUM, rounding=ROUND_HALF_EVEN)


def to_pico(amount: Decimal) -> int:
    """Return dollars as whole picodollars, half to even.

    Examples
    --------
    >>> to_pico(Decimal("0.0002025"))
    202500000
    """
    return int(amount.scaleb(12).to_integral_value(rounding=ROUND_HALF_EVEN))


def from_pico(pico: int) -> Decimal:
    """Return picodollars as dollars, without trailing zeros or exponent.

    Examples
    --------
    >>> from_pico(202500000)
    Decimal('0.0002025')
    >>> from_pico(3_000_000_000_000)
    Decimal('3')
    """
    amount = Decimal(pico).scaleb(-12)
    normal = amount.normalize()
    exponent = normal.as_tuple().exponent
    return normal.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else normal
