"""Linear rates: whole picodollars per token count, by which nearly all calls are priced.

A receipt bills each part of a call by itself, and what is left of the whole.  Where parts fit their wholes
(`tokenbudget.core.token_parts.REMAINDERS`), that is the same as adding up, over all counts, the count times one number:
a part's number is how much more its tokens cost than those around them.  Event templates, single events and whole
frames are priced so; what does not fit, or has a rate finer than a picodollar, gets a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tokenbudget.core.token_parts import REMAINDERS
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.pricing.engine.charges import EXACT, Side, reader

Term = tuple[int, int, int, int]
"""The rate of a count, and its signs in what is left of the input, of the output and of the cache writes."""
_INPUT, _OUTPUT, _WRITES = (REMAINDERS[whole] for whole in ("input_tokens", "output_tokens", "cache_write_tokens"))
_OTHERS = [signs for signs in REMAINDERS.values() if signs not in (_INPUT, _OUTPUT, _WRITES)]
# Counts inside other wholes, such as the sound part of what was cached, are few, and these calls get a receipt.
_SIGNS = {
    name: (_INPUT.get(name, 0), _OUTPUT.get(name, 0), _WRITES.get(name, 0))
    for name in TOKEN_FIELDS
    if all(signs.get(name, 0) >= 0 for signs in _OTHERS)
}


class LinearRates:
    """What each token of a call adds to its cost under one plan.

    Parameters
    ----------
    *sides : Side
        Input and output.

    Attributes
    ----------
    rates : mapping of str to int
        Token field of `Usage` -> picodollars that each of its tokens adds; a field that is missing has no such number.
    terms : dict of str to Term
        The same for a single call, with the signs by which it is seen that its parts fit.
    unrated : frozenset of str
        Sides whose tokens outside all parts have no such number; they count as nothing in ``rates``.

    Examples
    --------
    >>> from tokenbudget.pricing.engine.rate_card import RateCard
    >>> card = RateCard("m", {"input_cost_per_token": Decimal("3e-6"), "output_cost_per_token": Decimal("15e-6"),
    ...                       "cache_read_input_token_cost": Decimal("3e-7")})
    >>> linear = card.plan("", 0, off_peak=False).linear
    >>> {field: rate for field, rate in linear.rates.items() if rate}
    {'input_tokens': 3000000, 'output_tokens': 15000000, 'cache_read_tokens': -2700000}
    >>> linear.cost(Usage(input_tokens=10, output_tokens=1, cache_read_tokens=8))
    23400000
    """

    __slots__ = ("_input", "_output", "_read", "_read_terms", "rates", "terms", "unrated")

    def __init__(self, *sides: Side) -> None:
        rates = self.rates = _rates(sides)
        self.terms = terms_of(rates)
        self._input, self._output = (rates.get(side.field, 0) for side in sides)
        self.unrated = frozenset(side.field for side in sides if whole_pico(side.rate) is None)
        # What is not billed apart need not be read, nor fit: it costs what its whole costs.
        fields = list(dict.fromkeys(name for side in sides for one in side.charges for name in (one.field, *one.less)))
        self._read = reader(fields)
        self._read_terms = [self.terms.get(name) for name in fields]

    def cost(self, usage: Usage) -> int | None:
        """Return the cost of a call's tokens in picodollars; None if that requires a receipt."""
        given, made, written = usage.input_tokens or 0, usage.output_tokens or 0, 0
        pico = given * self._input + made * self._output
        counts = self._read(usage)
        if any(counts):
            for count, term in zip(counts, self._read_terms, strict=False):
                if count:
                    if term is None or count < 0:
                        return None
                    rate, a, b, c = term
                    pico += count * rate
                    given += count * a
                    made += count * b
                    written += count * c
            if given < 0 or made < 0 or written < 0:
                return None
        if self.unrated and ((given and "input_tokens" in self.unrated) or (made and "output_tokens" in self.unrated)):
            return None
        return pico


def terms_of(rates: Mapping[str, int]) -> dict[str, Term]:
    """Put rates and signs together, for the counts that have both."""
    return {name: (rates[name], *signs) for name, signs in _SIGNS.items() if name in rates}


def _rates(sides: Sequence[Side]) -> Mapping[str, int]:
    rates = dict.fromkeys(TOKEN_FIELDS, 0)
    inexact: set[str] = set()
    for side in sides:
        whole = rates[side.field] = whole_pico(side.rate) or 0
        for charge in side.charges:
            rate = whole_pico(charge.rate)
            if rate is None:
                inexact.update((charge.field, *charge.less))
                continue
            rates[charge.field] += rate - whole
            for name in charge.less:
                rates[name] -= rate - whole
    return {name: rate for name, rate in rates.items() if name not in inexact}


def whole_pico(rate: Decimal | None) -> int | None:
    """Return a rate in picodollars; None where it is no whole number of them, or there is none.

    Examples
    --------
    >>> whole_pico(Decimal("3e-6")), whole_pico(Decimal("1e-13"))
    (3000000, None)
    """
    pico = None if rate is None else rate.scaleb(12, EXACT)
    return None if pico is None or pico != int(pico) else int(pico)
