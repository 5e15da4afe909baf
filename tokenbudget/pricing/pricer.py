"""From a measured call to its receipt: find the row, choose the rates, write the lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.money import quantize
from tokenbudget.core.receipt import Line, Receipt, Unpriced
from tokenbudget.core.usage import Pass, Usage
from tokenbudget.pricing import fees, match
from tokenbudget.pricing.lines import NoRateError, amount, token_lines, total
from tokenbudget.pricing.plan import Card, Plan
from tokenbudget.pricing.table import PriceBook

REPORTED = "reported"
_REMEMBERED = 20_000
_NOWHERE = ("", "global", "not_available")


class Case:
    """All calls that are priced alike but for time and size: their cards by date, and the plans made so far."""

    def __init__(
        self, provider: str, cards: list[Card], begins: list[float], tier: str, region: str | None, speed: str | None
    ) -> None:
        self.provider = provider
        self.cards = cards
        self.begins = begins
        self.tier = tier
        self._region = (region or "").lower()
        self._speed = (speed or "").lower()
        self._plans: dict[tuple[int, int, bool], Plan] = {}
        self._timeless = len(cards) == 1 and cards[0].off_peak is None

    def plan(self, at: datetime | None, input_tokens: int) -> tuple[Card, Plan]:
        """Give the card and the rates for a call of a time and a size."""
        epoch, off_peak = (0, False) if self._timeless else self._time(at or datetime.now(UTC))
        card = self.cards[epoch]
        above = card.bracket(input_tokens) if card.brackets else 0
        plan = self._plans.get((epoch, above, off_peak))
        if plan is None:
            plan = card.plan(self.tier, above, off_peak=off_peak, uplifts=self._uplifts(card))
            self._plans[epoch, above, off_peak] = plan
        return card, plan

    def _time(self, at: datetime) -> tuple[int, bool]:
        # Before its first row a key has that row's price: no earlier one is known.
        epoch = max(bisect_right(self.begins, at.timestamp()) - 1, 0)
        off_peak = self.cards[epoch].off_peak
        return epoch, off_peak is not None and off_peak.holds(at)

    def _uplifts(self, card: Card) -> tuple[tuple[str, Decimal], ...]:
        """Multipliers on every token rate, by where and how fast the call was served."""
        found = []
        entries = card.fields.get("provider_specific_entry") or {}
        if self._region not in _NOWHERE:
            geography = self._region.partition("-")[0]
            for value in (
                card.fields.get(f"regional_processing_uplift_multiplier_{geography}"),
                card.fields.get("regional_endpoint_uplift_multiplier"),
                entries.get(geography),
            ):
                if isinstance(value, int | Decimal):
                    found.append((self._region, Decimal(value)))
        if self._speed not in ("", "standard"):
            value = entries.get(self._speed)
            if not isinstance(value, int | Decimal):
                raise NoRateError(f"{self._speed} speed")
            found.append((self._speed, Decimal(value)))
        return tuple(found)


class Pricer:
    """Prices calls by a book.

    Parameters
    ----------
    book : PriceBook
    models : mapping of str to str, optional
        Deployment or alias to the model whose price it has.
    """

    def __init__(self, book: PriceBook, models: Mapping[str, str] | None = None) -> None:
        self.book = book
        self._models = dict(models or {})
        self._cases: dict[tuple[object, ...], Case | Unpriced] = {}

    def price(  # noqa: PLR0913 (what prices depend on)
        self,
        provider: str,
        model: str,
        usage: Usage,
        *,
        requested_model: str | None = None,
        service_tier: str | None = None,
        speed: str | None = None,
        region: str | None = None,
        batch: bool = False,
        at: datetime | None = None,
    ) -> Receipt | Unpriced:
        """Price one call; see `tokenbudget.pricing.price`."""
        try:
            if usage.reported_cost_usd is not None:
                return _reported(usage.reported_cost_usd)
            if usage.absent and not usage.passes:
                return Unpriced(reason="no_usage", detail="the provider stated no usage for this call")
            case = self.case(provider, model, requested_model, service_tier, speed, region, batch)
            if isinstance(case, Unpriced):
                return case
            if usage.passes:
                return self._passes(
                    case, usage, (provider, model, requested_model, service_tier, speed, region, batch), at
                )
            return _receipt(case, usage, at)
        except NoRateError as error:
            return Unpriced(
                reason="no_unit_price",
                detail=f"{model} of {provider} used {error.args[0]}, which has no price: set one with prices.set(...)",
            )
        except Exception as error:  # noqa: BLE001 (a price must never break the call it prices)
            return Unpriced(reason="error", detail=f"{type(error).__name__}: {error}")

    def price_event(self, event: Event) -> Receipt | Unpriced:
        """Price an event as of when it occurred."""
        return self.price(
            event.provider,
            event.model,
            event.usage,
            requested_model=event.requested_model,
            service_tier=event.service_tier,
            speed=event.speed,
            region=event.region,
            batch=event.batch,
            at=event.occurred_at,
        )

    def priced(self, event: Event) -> Event:
        """Copy an event with its cost and price row, or with the reason why it has none."""
        answer = self.price_event(event)
        if isinstance(answer, Unpriced):
            return msgspec.structs.replace(event, cost_usd=None, price_key=None, unpriced=answer.reason)
        return msgspec.structs.replace(event, cost_usd=answer.cost_usd, price_key=answer.price_key, unpriced=None)

    def case(  # noqa: PLR0913
        self,
        provider: str,
        model: str,
        requested_model: str | None = None,
        service_tier: str | None = None,
        speed: str | None = None,
        region: str | None = None,
        batch: bool = False,  # noqa: FBT001, FBT002 (a part of the look-up's key)
    ) -> Case | Unpriced:
        """Find how calls of a kind are priced; remembered."""
        wanted = (provider, model, requested_model, service_tier, speed, region, batch)
        case = self._cases.get(wanted)
        if case is None:
            if len(self._cases) >= _REMEMBERED:
                self._cases.clear()
            case = self._cases[wanted] = self._find(*wanted)
        return case

    def _find(  # noqa: PLR0913
        self,
        provider: str,
        model: str,
        requested_model: str | None,
        service_tier: str | None,
        speed: str | None,
        region: str | None,
        batch: bool,  # noqa: FBT001
    ) -> Case | Unpriced:
        key = self._key(provider, model, requested_model, region)
        if key is None:
            return self._unknown(provider, model or requested_model or "")
        rows = self.book.history(key)
        cards = [Card(row.key, row.fields(), row) for row in rows]
        if all(card.is_blank for card in cards) and not (cards[-1].fields and fees.is_free(key)):
            return Unpriced(
                reason="no_price", detail=f"the price table lists {key} without a price: set one with prices.set(...)"
            )
        begins = [row.effective_from.timestamp() if row.effective_from else float("-inf") for row in rows]
        tier = "batch" if batch else fees.tier_of(service_tier)
        return Case(provider, cards, begins, tier, region, speed)

    def _key(self, provider: str, model: str, requested_model: str | None, region: str | None) -> str | None:
        for name in (model, requested_model):
            if (mapped := self._models.get(name or "")) and (key := self._mapped(provider, mapped, region)):
                return key
        return match.find_key(self.book, provider, model, requested_model, region)

    def _mapped(self, provider: str, model: str, region: str | None) -> str | None:
        """Find what the user mapped a deployment to: a model of its provider, or a key of the table."""
        return match.find_key(self.book, provider, model, region=region) or (model if model in self.book else None)

    def _unknown(self, provider: str, model: str) -> Unpriced:
        near = match.near(self.book, provider, model)
        hint = f"; listed are {', '.join(near)}" if near else ""
        return Unpriced(
            reason="unknown_model",
            detail=f"no price for {model!r} of {provider}{hint}: map it with configure(models=...) or set its price",
        )

    def _passes(
        self,
        case: Case,
        usage: Usage,
        kind: tuple[str, str, str | None, str | None, str | None, str | None, bool],
        at: datetime | None,
    ) -> Receipt | Unpriced:
        """Price each model pass by its own model and size, and the tools of the call once."""
        lines: list[Line] = []
        for part in usage.passes:
            pass_case = case if part.model is None else self.case(kind[0], part.model, None, *kind[3:])
            if isinstance(pass_case, Unpriced):
                return pass_case
            lines += _pass_lines(pass_case, part, part.model or kind[1], at)
        outer = msgspec.structs.replace(usage, input_tokens=None, output_tokens=None, passes=())
        rest = _receipt(case, outer, at)
        return Receipt(
            cost_usd=total([*lines, *rest.lines]),
            lines=(*lines, *rest.lines),
            price_key=rest.price_key,
            not_priced=rest.not_priced,
        )


def _pass_lines(case: Case, part: Pass, model: str, at: datetime | None) -> list[Line]:
    _, plan = case.plan(at, part.usage.input_tokens or 0)
    return token_lines(plan, part.usage, model)


def _receipt(case: Case, usage: Usage, at: datetime | None) -> Receipt:
    card, plan = case.plan(at, usage.input_tokens or 0)
    lines = token_lines(plan, usage)
    not_priced: list[str] = []
    if usage.tools or usage.units or card.per_request:
        for extra in fees.extras(card, case.provider, usage, case.tier):
            if extra.rate is None:
                not_priced.append(extra.part)
            else:
                lines.append(
                    Line(
                        part=extra.part,
                        unit=extra.unit,
                        quantity=extra.quantity,
                        rate=extra.rate,
                        amount=amount(extra.quantity, extra.rate),
                        price_key=card.key,
                        source=extra.source,
                    )
                )
    if not_priced and not lines and usage.input_tokens is None and usage.output_tokens is None:
        raise NoRateError(", ".join(not_priced))
    return Receipt(cost_usd=total(lines), lines=tuple(lines), price_key=card.key, not_priced=tuple(not_priced))


def _reported(usd: Decimal) -> Receipt:
    """Take the provider's own bill: where a table disagrees with it, the table is wrong."""
    line = Line(
        part=REPORTED,
        unit="usd",
        quantity=usd,
        rate=Decimal(1),
        amount=quantize(usd),
        price_key=REPORTED,
        source="provider",
    )
    return Receipt(cost_usd=line.amount, lines=(line,), price_key=REPORTED)
