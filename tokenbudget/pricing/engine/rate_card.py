"""Compile a price row into the rates of one kind of call: choose tier, context and time, and resolve fallbacks.

Where a part of a call has no rate of its own it pays that of its whole (`tokenbudget.pricing.engine.token_classes`).
Where a part has a rate, but not in the tier or the context that the call is in, its rate moves as its whole's does:
reasoning at $9 beside output at $9 costs $4.50 in a tier that halves output.  Nearly all rows that state both obey this
(docs/decisions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from tokenbudget.pricing.book.field_names import parse
from tokenbudget.pricing.book.off_peak import OffPeak
from tokenbudget.pricing.engine.charges import EXACT, Charge, Side
from tokenbudget.pricing.engine.linear import LinearRates
from tokenbudget.pricing.engine.token_classes import FALLBACK, INPUT_CLASSES, OUTPUT_CLASSES, SIDE, TokenClass

_SIDES = ("input", "output")
_DIGITS = Decimal("1E-18")


class RatePlan(msgspec.Struct, frozen=True):
    """The rates of one kind of call.

    Attributes
    ----------
    key, source : str
        The price row and where it comes from.
    tier : str
        What chose the rates, for the receipt: ``flex``, ``above_200k_tokens``, ``off_peak``, …
    linear : LinearRates
        What the two sides come to for each token count.
    """

    key: str
    source: str
    tier: str
    input: Side
    output: Side
    linear: LinearRates


class RateCard:
    """A parsed price row: rates by tier, context and part, and the rules that choose between them.

    Attributes
    ----------
    brackets : tuple of int
        Input tokens above which another context tier begins, rising.
    own : frozenset of str
        Fields that the user set.
    is_own : bool
        Whether rates are the user's own, so that zeros are meant.
    states_tokens : bool
        Whether the user says what tokens cost: then so they do, however fast the call was served.
    """

    def __init__(
        self,
        key: str,
        fields: dict[str, Any],
        *,
        mode: str = "",
        source: str = "",
        multiplier: Decimal | None = None,
        own: Iterable[str] = (),
    ) -> None:
        self.key = key
        self.source = source
        self.mode = mode
        self.fields = fields
        self.own = frozenset(own)
        self.is_own = bool(self.own)
        self.states_tokens = any(field.slot in _SIDES for name in self.own if (field := parse(name)))
        self._multiplier = multiplier
        self.rates: dict[tuple[str, int], dict[str, Decimal]] = {("", 0): {}}
        self._read(fields, 0)
        for bracket in fields.get("tiered_pricing") or ():
            # Some tiers are by other counts than tokens, such as results of a search: no rate then.
            if span := bracket.get("range"):
                self._read(bracket, int(span[0]))
        if not self.is_own:
            self._drop_free_writes()
        self.brackets = tuple(sorted({above for _, above in self.rates if above}))
        self.off_peak = OffPeak.read(fields.get("off_peak_pricing"))
        self.per_request = "input_per_request" in self.rates["", 0]

    def _read(self, fields: dict[str, Any], start: int) -> None:
        for name, value in fields.items():
            field = parse(name)
            if field is not None and (rate := _decimal(value)) is not None:
                self.rates.setdefault((field.tier, field.above or start), {})[field.slot] = self.discounted(rate)

    def _drop_free_writes(self) -> None:
        """Drop a rate of 0 for cache writes if input costs more: it means no surcharge, so they are billed as input."""
        for rates in self.rates.values():
            for slot in [slot for slot in rates if slot.startswith("cache_write") and not rates[slot]]:
                del rates[slot]

    def discounted(self, rate: Decimal) -> Decimal:
        """Apply the negotiated multiplier, if there is one."""
        return rate if self._multiplier is None else EXACT.multiply(rate, self._multiplier)

    @property
    def is_blank(self) -> bool:
        """Whether the row states no price but zeros: a placeholder, unless the user or the provider means them."""
        return not self.is_own and not any(_numbers(self.fields))

    def has_tier(self, tier: str) -> bool:
        """Return whether the row has any rate of its own for a service tier."""
        return any(name == tier for name, _ in self.rates)

    def bracket(self, input_tokens: int) -> int:
        """Return the context tier of a call: the highest bound that its input tokens, cached ones included, exceed."""
        return max((bound for bound in self.brackets if input_tokens > bound), default=0)

    def rate(self, slot: str, tier: str = "", above: int = 0, *, off_peak: bool = False) -> Decimal | None:
        """Return the rate of a part that has one of its own, moved into the tier and context if it must be."""
        # What a tier says of a part (a cache read that is not discounted) holds in long contexts, too; a whole is
        # taken from the long context, which may be higher by any factor, and scaled to the tier.
        between = ((tier, 0), ("", above)) if slot in SIDE else (("", above), (tier, 0))
        for known in ((tier, above), *between, ("", 0)):
            stated = self._stated(slot, *known, off_peak=off_peak)
            if stated is not None:
                return self._moved(stated, slot, known, (tier, above))
        return None

    def _stated(self, slot: str, tier: str, above: int, *, off_peak: bool) -> Decimal | None:
        if off_peak and not tier and self.off_peak is not None and slot in self.off_peak.rates:
            return self.discounted(self.off_peak.rates[slot])
        return self.rates.get((tier, above), {}).get(slot)

    def _moved(self, rate: Decimal, slot: str, known: tuple[str, int], wanted: tuple[str, int]) -> Decimal:
        """Scale a rate as that of its whole changes; that of a whole, as the tier changes it in a short context."""
        if known == wanted:
            return rate
        before: Decimal | None = None
        after: Decimal | None = None
        if slot in SIDE:
            before, after = self.rate(SIDE[slot], *known), self.rate(SIDE[slot], *wanted)
        elif known[0] != wanted[0]:
            before, after = (self.rates.get((tier, 0), {}).get(slot) for tier in (known[0], wanted[0]))
        if not before or after is None:
            return rate
        return _trimmed(EXACT.divide(EXACT.multiply(rate, after), before))

    def plan(self, tier: str, above: int, *, off_peak: bool, uplifts: tuple[tuple[str, Decimal], ...] = ()) -> RatePlan:
        """Resolve all rates for one kind of call."""
        uplift = Decimal(1)
        for _, multiplier in uplifts:
            uplift = EXACT.multiply(uplift, multiplier)

        def own(slot: str) -> Decimal | None:
            rate = self.rate(slot, tier, above, off_peak=off_peak)
            return None if rate is None else EXACT.multiply(rate, uplift)

        def effective(slot: str) -> Decimal | None:
            rate = own(slot)
            return rate if rate is not None or slot not in FALLBACK else effective(FALLBACK[slot])

        def side(name: str, classes: tuple[TokenClass, ...]) -> Side:
            apart = [one for one in classes if not one.own_rate_only or own(one.name) is not None]
            fields = {one.field for one in apart}
            charges = tuple(
                Charge(
                    one.name,
                    one.field,
                    (*(field for field in one.inside if field in fields), *one.cached),
                    effective(one.name),
                )
                for one in apart
            )
            return Side(name, charges, own(name))

        label = [
            "" if tier in dict(uplifts) else tier if not tier or self.has_tier(tier) else f"{tier} (standard rate)",
            f"above_{above // 1000}k_tokens" if above else "",
            "off_peak" if off_peak else "",
            *(f"{name}×{multiplier.normalize():f}" if multiplier else name for name, multiplier in uplifts),
        ]
        sides = side("input", INPUT_CLASSES), side("output", OUTPUT_CLASSES)
        return RatePlan(self.key, self.source, " ".join(filter(None, label)), *sides, LinearRates(*sides))


def _trimmed(rate: Decimal) -> Decimal:
    exponent = rate.as_tuple().exponent
    return rate.quantize(_DIGITS, context=EXACT) if isinstance(exponent, int) and exponent < -18 else rate  # noqa: PLR2004


def _decimal(value: Any) -> Decimal | None:
    """Return a number of the table as a decimal; None for tables within it, and for what is no number."""
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _numbers(value: Any) -> Iterator[Any]:
    """Walk over the rates in a row; bounds of ranges and counts of free requests are none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("range", "search_free_requests", "provider_specific_entry", "windows"):
                yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif (number := _decimal(value)) is not None:
        yield number
