"""A cost that explains itself: lines of quantity x rate, summing exactly to the total."""

from __future__ import annotations

from decimal import Decimal

import msgspec

_LONGEST_LABEL = 256
"""Characters of a reason that are kept with an event."""


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
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
    lines : tuple of ReceiptLine
    price_key : str
        The row of the price book that priced the call.
    list_cost_usd : Decimal or None
        What the call would have cost on demand, where its tokens are paid for already (provisioned throughput, scale
        tier) and cost nothing here.
    """

    cost_usd: Decimal
    lines: tuple[ReceiptLine, ...]
    price_key: str
    list_cost_usd: Decimal | None = None


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """No price, no number: a cost that leaves something out would be taken for the whole.

    Attributes
    ----------
    reason : str
        One of ``unknown_model``, ``no_price``, ``no_usage``, ``no_unit_price``, ``other_currency``, ``error``.
    detail : str
        A sentence for people: what was looked for, and what to do.
    parts : tuple of str
        What was used and has no rate, where that is the reason: ``file_search``, ``input tokens``, …
    lines : tuple of ReceiptLine
        What is known beside these parts, for people; its sum is not the cost.
    """

    reason: str
    detail: str = ""
    parts: tuple[str, ...] = ()
    lines: tuple[ReceiptLine, ...] = ()

    @property
    def label(self) -> str:
        """The reason as events carry it in ``unpriced``: with the parts that have no rate, where there are some.

        Examples
        --------
        >>> Unpriced(reason="no_unit_price", parts=("file_search",)).label
        'no_unit_price: file_search'
        """
        return f"{self.reason}: {', '.join(self.parts)}"[:_LONGEST_LABEL] if self.parts else self.reason
