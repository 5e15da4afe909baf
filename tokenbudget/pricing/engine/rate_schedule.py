"""The dated rate cards of a kind of call, and the rate plans made from them."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from tokenbudget.pricing.book import fee_list
from tokenbudget.pricing.book.overrides import MULTIPLIER, Override
from tokenbudget.pricing.book.price_book import PriceRow, began
from tokenbudget.pricing.engine import fees
from tokenbudget.pricing.engine.linear import Term
from tokenbudget.pricing.engine.rate_card import RateCard, RatePlan
from tokenbudget.pricing.engine.receipt_lines import NoRateError

Dated = TypeVar("Dated", PriceRow, Override)

_NOWHERE = ("", "global", "not_available")
_ORDINARY = ("", "standard")
_RESIDENCY = "regional_processing_uplift_multiplier_"


class NoPriceError(Exception):
    """There is no price for the time of the call; the key is the argument."""


class CurrentRates(NamedTuple):
    """The current rates of a kind of call.

    Attributes
    ----------
    key : str
        The price row.
    terms : mapping of str to Term
        As `tokenbudget.pricing.engine.linear.LinearRates` has them.
    most_input : int
        Input tokens up to which they hold.
    """

    key: str
    terms: Mapping[str, Term]
    most_input: int


class RateSchedule:
    """The rates of all calls that differ only in time and size.

    Attributes
    ----------
    begins : list of float
        When each card comes into force, seconds since 1970.
    cards : list of Card or None
        None where nothing is known for the time.
    tier : str
        The service tier, as the table names it.
    on_demand : Case or None
        The same calls at list price, where their tokens are prepaid and the model is known.
    router : Case or None
        What the choice of the model costs beside it, where a deployment made it (Azure's model router).
    """

    def __init__(
        self,
        provider: str,
        dated: Sequence[tuple[float, RateCard | None]],
        *,
        tier: str,
        region: str | None,
        speed: str | None,
        router: RateSchedule | None = None,
    ) -> None:
        self.provider = provider
        self.begins = [begin for begin, _ in dated]
        self.cards = [card for _, card in dated]
        self.tier = tier
        self._region = (region or "").lower()
        self._speed = (speed or "").lower()
        self._plans: dict[tuple[int, int, bool], RatePlan] = {}
        first = self.cards[0]
        self.is_timeless = len(dated) == 1 and first is not None and first.off_peak is None
        self._only: tuple[RateCard, RatePlan] | None = None
        self._is_prepaid = tier == fee_list.PREPAID
        self.on_demand: RateSchedule | None = None
        self.router = router
        if self._is_prepaid and dated is not fees.PROVISIONED:
            self.on_demand = RateSchedule(provider, dated, tier="", region=region, speed=speed)

    def plan(self, at: datetime | None, input_tokens: int) -> tuple[RateCard, RatePlan]:
        """Return the card and the rates for a call of a time and a size.

        Raises
        ------
        NoPriceError, NoRateError
            If there is no price for that time, or none for the speed.
        """
        if self._only is not None:
            return self._only
        epoch, off_peak = (0, False) if self.is_timeless else self._time(at or datetime.now(UTC))
        card = self.card(epoch)
        above = card.bracket(input_tokens) if card.brackets else 0
        found = card, self.plan_of(epoch, above, off_peak=off_peak)
        if self.is_timeless and not card.brackets:
            self._only = found
        return found

    def current_rates(self) -> CurrentRates | None:
        """Return what tokens cost from now on; None where it is no matter of counts alone, or may change by itself."""
        epoch, card = len(self.cards) - 1, self.cards[-1]
        # A call that has been running for longer than that is not expected any more.
        since = datetime.now(UTC) - timedelta(days=1)
        if (
            self.router is not None
            or self.on_demand is not None
            or card is None
            or card.per_request
            or card.off_peak is not None
        ):
            return None
        if self.begins[-1] > since.timestamp():
            return None
        linear = self.plan_of(epoch, 0, off_peak=False).linear
        if linear.unrated:
            return None
        return CurrentRates(card.key, linear.terms, card.brackets[0] if card.brackets else sys.maxsize)

    def card(self, epoch: int) -> RateCard:
        """Return the card of an epoch."""
        card = self.cards[epoch]
        if card is None:
            raise NoPriceError
        return card

    def plan_of(self, epoch: int, above: int, *, off_peak: bool) -> RatePlan:
        """Return the rates of one epoch, context tier and time of day."""
        plan = self._plans.get((epoch, above, off_peak))
        if plan is None:
            card = self.card(epoch)
            tier = "" if self._is_prepaid else self.tier
            plan = card.plan(tier, above, off_peak=off_peak, uplifts=tuple(self._uplifts(card)))
            self._plans[epoch, above, off_peak] = plan
        return plan

    def _time(self, at: datetime) -> tuple[int, bool]:
        epoch = max(bisect_right(self.begins, at.timestamp()) - 1, 0)
        off_peak = self.card(epoch).off_peak
        return epoch, off_peak is not None and off_peak.holds(at)

    def _uplifts(self, card: RateCard) -> Iterator[tuple[str, Decimal]]:
        """Return the multipliers on every token rate, by how, where and how fast the call was served."""
        if self._is_prepaid:
            yield fee_list.PREPAID, Decimal(0)
            return
        if self.tier and not card.has_tier(self.tier):
            yield from self._tier_uplift(card)
        entries = card.fields.get("provider_specific_entry") or {}
        if self._region not in _NOWHERE:
            for value in (
                _residency(card, self._region),
                card.fields.get("regional_endpoint_uplift_multiplier"),
                entries.get(self._region),
                fee_list.of_region(self.provider, self._region),
            ):
                if isinstance(value, int | Decimal):
                    yield self._region, Decimal(value)
        if self._speed not in _ORDINARY:
            value = entries.get(self._speed)
            if isinstance(value, int | Decimal):
                yield self._speed, Decimal(value)
            elif not card.states_tokens:
                # Speed costs much more: the standard rate would be far too low.
                raise NoRateError(f"{self._speed} speed")

    def _tier_uplift(self, card: RateCard) -> Iterator[tuple[str, Decimal]]:
        """Return what the tier costs of the standard rates, where the row has none for it."""
        multiplier = fee_list.of_standard(self.provider, self.tier)
        if multiplier is not None:
            yield self.tier, multiplier
        elif fee_list.is_surcharged(self.tier) and not card.states_tokens:
            raise NoRateError(f"{self.tier} input", f"{self.tier} output")


def _residency(card: RateCard, region: str) -> object:
    """Return what data residency costs of the standard rates: what is equal in all listed regions holds in others."""
    listed = {name: value for name, value in card.fields.items() if name.startswith(_RESIDENCY)}
    values = set(listed.values())
    return listed.get(f"{_RESIDENCY}{region}") or (values.pop() if len(values) == 1 else None)


def dated_cards(
    key: str, rows: Sequence[PriceRow], overrides: Sequence[Override], discounts: Sequence[Override]
) -> list[tuple[float, RateCard | None]]:
    """Merge rows and overrides by date.

    A model's first row holds before its date, too, because no earlier price is known; an override does not.  The
    override of a model comes before the one for all models of the provider.
    """
    history: list[PriceRow | Override] = [*rows, *overrides, *discounts]
    begins = {float("-inf"), *(began(dated.effective_from) for dated in history)}
    cards: list[tuple[float, RateCard | None]] = []
    for begin in sorted(begins):
        row = _at(rows, begin) or (rows[0] if rows else None)
        override = _at(overrides, begin)
        if override is None or not override.fields():
            override = _at(discounts, begin)
        cards.append((begin, _card(key, row, override)))
    return cards


def _at(history: Sequence[Dated], begin: float) -> Dated | None:
    found: Dated | None = None
    for dated in sorted(history, key=lambda dated: began(dated.effective_from)):
        if began(dated.effective_from) <= begin:
            found = dated
    return found


def _card(key: str, row: PriceRow | None, override: Override | None) -> RateCard | None:
    own = override.fields() if override else {}
    if row is None and not own:
        return None
    multiplier = own.pop(MULTIPLIER, None)
    return RateCard(
        key,
        (row.fields() if row else {}) | own,
        mode=row.mode if row else "",
        source=override.source if override and (own or multiplier is not None) else row.source if row else "",
        multiplier=multiplier,
        own=own,
    )
