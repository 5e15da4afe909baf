"""A cost that explains itself: lines of quantity x rate, summing exactly to the total."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a receipt; ``amount = quantity x rate``, rounded to whole picodollars.

    Attributes
    ----------
    part : str
        What was billed: ``input``, ``cache_read``, ``cache_write_5m``, ``output``, ``reasoning``, ``web_search``, …
    unit : str
        ``token``, ``call``, ``image``, ``second``, ``character``, ``usd``, …
    quantity, rate, amount : Decimal
        Units billed; US dollars per unit; US dollars.
    price_key : str
        The row of the price book, or ``reported`` for the provider's own bill.
    tier : str
        The tier, context tier or uplift that chose the rate, e.g. ``priority`` or ``above_200k_tokens``; else empty.
    source : str
        Where the price comes from, e.g. ``litellm 1.109.1``, ``override``, ``provider``.
    model : str
        The model of this line, where one call billed several.
    """

    part: str
    unit: str
    quantity: Decimal
    rate: Decimal
    amount: Decimal
    price_key: str
    tier: str = ""
    source: str = ""
    model: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one call.

    Attributes
    ----------
    cost_usd : Decimal
        Exactly the sum of the lines' amounts.
    lines : tuple of Line
    price_key : str
        The row of the price book that priced the call.
    not_priced : tuple of str
        What was used but has no flat rate (e.g. a container's run time); the cost does not include it.
    """

    cost_usd: Decimal
    lines: tuple[Line, ...]
    price_key: str
    not_priced: tuple[str, ...] = ()


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """No price, no number.

    Attributes
    ----------
    reason : str
        One of ``unknown_model``, ``no_price``, ``no_usage``, ``no_unit_price``, ``error``.
    detail : str
        A sentence for people: what was looked for, and what to do.
    """

    reason: str
    detail: str = ""
