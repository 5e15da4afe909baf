"""What the tokens of one kind of call cost, as one whole number of picodollars for each count.

A receipt bills each part of a call by itself, and what is left of the whole.  Where no part is larger than what it is
part of, that is the same as adding up, over all counts, the count times one number: a part's number is how much dearer
its tokens are than those around them.  Nearly every call is of this sort, and is priced so as it is recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.pricing.engine.rate_card import RateCard, RatePlan, Side


@dataclass(frozen=True, slots=True)
class LinearRates:
    """The prices of a kind of call, from now on.

    Attributes
    ----------
    key : str
        The price row.
    rates : mapping of str to int
        Field of `Usage` -> picodollars that each of its tokens adds; a field that is not there has no such number.
    most_input : int
        Input tokens up to which they hold.
    """

    key: str
    rates: Mapping[str, int]
    most_input: int


def linear_rates(card: RateCard, plan: RatePlan) -> LinearRates | None:
    """Give the tariff of a plan; None where a side has no rate in whole picodollars, or requests cost by themselves."""
    if card.per_request or plan.input.pico is None or plan.output.pico is None:
        return None
    rates = dict.fromkeys(TOKEN_FIELDS, 0) | {"input_tokens": plan.input.pico, "output_tokens": plan.output.pico}
    _add_parts(rates, plan.input, plan.input.pico)
    _add_parts(rates, plan.output, plan.output.pico)
    return LinearRates(card.key, rates, card.brackets[0] if card.brackets else sys.maxsize)


def _add_parts(rates: dict[str, int], side: Side, whole: int) -> None:
    unknown: set[str] = set()
    for charge, (rate, less) in zip(side.charges, side.quick, strict=True):
        fields = (charge.field, *less)
        if rate is None:
            unknown.update(fields)
            continue
        for field, sign in zip(fields, (1, *(-1 for _ in less)), strict=True):
            rates[field] += sign * (rate - whole)
    for field in unknown:
        rates.pop(field, None)
