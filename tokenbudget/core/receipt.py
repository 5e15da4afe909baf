"""Receipts: lines of quantity x rate that add up exactly to the cost."""

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
        Tier, context size or surcharge that the rate is for, e.g. ``priority`` or ``above_200k_tokens``; else empty.
    source : str
        Source of the price, e.g. ``litellm 1.109.1``, ``override``, ``provider``.
    model : str
        The model of this line, if the call used several.
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
        Cost of the call on demand, if its tokens are prepaid (provisioned throughput, scale tier) and so cost nothing.
    """

    cost_usd: Decimal
    lines: tuple[ReceiptLine, ...]
    price_key: str
    list_cost_usd: Decimal | None = None


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a call has no price.  A cost that leaves out a part is never stated: it would look complete.

    Attributes
    ----------
    reason : str
        One of ``unknown_model``, ``no_price``, ``no_usage``, ``no_unit_price``, ``other_currency``, ``error``.
    detail : str
        Explanation for the user: what was looked up, and what to do.
    parts : tuple of str
        The parts without a rate, if that is the reason: ``file_search``, ``input tokens``, …
    lines : tuple of ReceiptLine
        Lines of the other parts, for display; their sum is not the cost.
    """

    reason: str
    detail: str = ""
    parts: tuple[str, ...] = ()
    lines: tuple[ReceiptLine, ...] = ()

    @property
    def label(self) -> str:
        """The text of ``Event.unpriced``: the reason, and the parts without a rate if there are any.

        Examples
        --------
        >>> Unpriced(reason="no_unit_price", parts=("file_search",)).label
        'no_unit_price: file_search'
        """
        return f"{self.reason}: {', '.join(self.parts)}"[:_LONGEST_LABEL] if self.parts else self.reason
