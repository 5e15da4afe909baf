"""Price a call: find the row of the price book, choose the rates, write the receipt's lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

import msgspec

from tokenbudget.core.event import Event
from tokenbudget.core.providers import DOLLAR, canonical, record_of
from tokenbudget.core.receipt import Receipt, ReceiptLine, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.pricing.book import fee_list, match
from tokenbudget.pricing.book.overrides import ANY_MODEL, Override, Overrides
from tokenbudget.pricing.book.price_book import PriceBook
from tokenbudget.pricing.engine import fees
from tokenbudget.pricing.engine.charges import EXACT
from tokenbudget.pricing.engine.rate_card import RateCard, RatePlan
from tokenbudget.pricing.engine.rate_schedule import CurrentRates, NoPriceError, RateSchedule, dated_cards
from tokenbudget.pricing.engine.receipt_lines import NoRateError, amount, token_lines, total

_replace = msgspec.structs.replace
REPORTED = "reported"
UNKNOWN_MODEL = "unknown_model"
_REMEMBERED = 5_000
"""Kinds of calls: whoever sends events chooses their names, so that what is remembered must stay small."""

Kind = tuple[str, str, str | None, str | None, str | None, str | None, bool]
"""Provider, model, requested model, service tier, speed, region, batch: what chooses prices, but for time and size."""

_kind: Callable[[Event], Kind] = attrgetter(
    "provider", "model", "requested_model", "service_tier", "speed", "region", "batch"
)


class UnknownModel(Unpriced, frozen=True, kw_only=True):
    """No row is surely the right one; `Pricer.price` says more, where people read it.

    Attributes
    ----------
    provider, model, requested_model : str
        As looked for.
    """

    provider: str
    model: str
    requested_model: str | None


class Pricer:
    """Prices calls, given a price book, the user's own prices and the user's names for models.

    Parameters
    ----------
    book : PriceBook
    models : mapping of str to str, optional
        Deployments and aliases, each with the model whose price it has.
    overrides : iterable of Override, optional
        Negotiated and private prices.
    """

    def __init__(
        self, book: PriceBook, models: Mapping[str, str] | None = None, overrides: Iterable[Override] = ()
    ) -> None:
        self.book = book
        self._models = dict(models or {})
        self._overrides = Overrides(overrides)
        self._cases: dict[Kind, RateSchedule | Unpriced] = {}

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
        answer = self.outcome((provider, model, requested_model, service_tier, speed, region, batch), usage, at)
        return self._explained(answer) if isinstance(answer, UnknownModel) else answer

    def outcome(self, kind: Kind, usage: Usage, at: datetime | None) -> Receipt | Unpriced:
        """Price one call for programs: as `price` does, but an unknown model is not compared with those listed.

        To look for names that are near costs milliseconds, and what is sent may hold a thousand unknown ones.
        """
        provider, model, requested_model, *_ = kind
        try:
            bill = usage.reported_cost_usd
            if bill is not None and fee_list.is_bill(canonical(provider), bill):
                return _reported(bill)
            if bill is not None:
                usage = _replace(usage, reported_cost_usd=None)
            if usage.absent and not usage.passes:
                return Unpriced(reason="no_usage", detail="the provider stated no usage for this call")
            case = self.case(kind)
            if isinstance(case, Unpriced):
                return case
            return self._passes(case, usage, kind, at) if usage.passes else _receipt(case, usage, at)
        except Exception as error:  # noqa: BLE001 (a price must never break the call it prices)
            return _refusal(error, provider, model or requested_model or "")

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
        """Return a copy of an event with its cost and price row, or the reason why it has none; never raises."""
        found = self._priced(event)
        return found if event.billing != "subscription" else _on_plan(found)

    def _priced(self, event: Event) -> Event:
        quick = self.token_cost(event)
        if quick is not None:
            pico, key = quick
            cost = Decimal(pico).scaleb(-12, EXACT)
            return _replace(event, cost_usd=cost, list_cost_usd=None, price_key=key, unpriced=None)
        answer = self.outcome(_kind(event), event.usage, event.occurred_at)
        if isinstance(answer, Unpriced):
            return _replace(event, cost_usd=None, list_cost_usd=None, price_key=None, unpriced=answer.label)
        return _replace(
            event,
            cost_usd=answer.cost_usd,
            list_cost_usd=answer.list_cost_usd,
            price_key=answer.price_key,
            unpriced=None,
        )

    def token_cost(self, event: Event) -> tuple[int, str] | None:
        """Price a call that is billed by tokens alone, without making a receipt; never raises.

        Returns
        -------
        (int, str) or None
            Picodollars and the key of the row; None if the call needs a receipt.
        """
        usage = event.usage
        if (
            usage.input_tokens is None
            or usage.output_tokens is None
            or usage.reported_cost_usd is not None
            or usage.tools
            or usage.units
            or usage.passes
        ):
            return None
        case = self._cases.get(_kind(event))
        if not isinstance(case, RateSchedule) or case.on_demand is not None:
            return None
        try:
            card, plan = case.plan(event.occurred_at, usage.input_tokens)
        except (NoPriceError, NoRateError):
            return None
        pico = None if card.per_request or case.router else plan.linear.cost(usage)
        return None if pico is None else (pico, card.key)

    def case(self, kind: Kind) -> RateSchedule | Unpriced:
        """Find how calls of a kind are priced; remembered."""
        case = self._cases.get(kind)
        if case is None:
            if len(self._cases) >= _REMEMBERED:
                self._cases.clear()
            case = self._cases[kind] = self._find(kind)
        return case

    def current_rates(self, kind: Kind) -> CurrentRates | Unpriced | None:
        """Return what tokens of a kind of call cost from now on, or why nothing is known; None: price each call."""
        case = self.case(kind)
        if isinstance(case, Unpriced):
            return case
        try:
            return case.current_rates()
        except (NoPriceError, NoRateError):
            return None

    def _find(self, kind: Kind) -> RateSchedule | Unpriced:
        provider, model, requested_model, service_tier, speed, region, batch = kind
        provider = canonical(provider)
        key = self._key(provider, model, requested_model, region)
        given = [name for name in (model, requested_model) if name]
        # The user's own price first by the very name that coverage shows, e.g. the ARN of an inference profile.
        overrides = self._overrides.of(provider, [*given, *match.all_names(provider, given), key or ""])
        if key is None and not overrides:
            if any(map(match.is_provisioned, given)):
                return RateSchedule(provider, fees.PROVISIONED, tier=fee_list.PREPAID, region=None, speed=None)
            return _unknown(provider, model, requested_model)
        if key in fee_list.table().routers.keys and not overrides:
            return Unpriced(reason="no_price", detail=f"which model {key} handed the call on to is not stated")
        rows = self.book.history(key or "")
        dated = dated_cards(key or f"{provider}/{given[0]}", rows, overrides, self._overrides.of(provider, [ANY_MODEL]))
        if all(card is None or card.is_blank for _, card in dated) and not (rows and fee_list.is_free(rows[-1])):
            return Unpriced(
                reason="no_price",
                detail=f"the price table lists {key} without a price: set one with "
                f"{fees.how_to_set(provider, given[0], ('input tokens', 'output tokens'))}",
            )
        tier = "batch" if batch else fee_list.tier_of(service_tier, provider)
        router = None if overrides else self._router(provider, requested_model)
        return RateSchedule(provider, dated, tier=tier, region=region, speed=speed, router=router)

    def _router(self, provider: str, requested_model: str | None) -> RateSchedule | None:
        """Return what a deployment costs that only chose the model; None for one that is the model."""
        key = match.find_key(self.book, provider, requested_model) if requested_model else None
        if key not in fee_list.table().routers.keys:
            return None
        cards = dated_cards(key, self.book.history(key), (), self._overrides.of(provider, [ANY_MODEL]))
        return RateSchedule(provider, cards, tier="", region=None, speed=None)

    def _key(self, provider: str, model: str, requested_model: str | None, region: str | None) -> str | None:
        for name in (model, requested_model):
            if (mapped := self._models.get(name or "")) and (key := self._mapped(provider, mapped, region)):
                return key
        return match.find_key(self.book, provider, model, requested_model, region)

    def _mapped(self, provider: str, model: str, region: str | None) -> str | None:
        """Find what the user mapped a deployment to: a model of its provider, or a key of the table."""
        return match.find_key(self.book, provider, model, region=region) or (model if model in self.book else None)

    def _explained(self, unknown: UnknownModel) -> Unpriced:
        """Say of an unknown model, for people, what was looked for, which listed names are near, and what to do."""
        provider, model, requested_model = unknown.provider, unknown.model, unknown.requested_model
        if match.is_vague(provider, model, requested_model):
            detail = f"{provider} answers {model!r} for several models, and {requested_model!r} names none"
            mapping = f"tb.configure(models={{{requested_model!r}: 'gpt-4-turbo'}}), say"
            return Unpriced(reason=UNKNOWN_MODEL, detail=f"{detail}: map it with {mapping}")
        name = model or requested_model or ""
        near = match.near(self.book, provider, name)
        hint = f"; listed are {', '.join(near)}" if near else ""
        mapping = f"tb.configure(models={{{name!r}: ...}})"
        setting = fees.how_to_set(provider, name, ("input tokens", "output tokens"))
        detail = f"no price for {name!r} of {provider}{hint}: map it to a listed one, {mapping}, or set it, {setting}"
        return Unpriced(reason=UNKNOWN_MODEL, detail=detail)

    def _passes(self, case: RateSchedule, usage: Usage, kind: Kind, at: datetime | None) -> Receipt | Unpriced:
        """Price each model pass by its own model and size, and the tools of the call once."""
        provider, model, _, *how = kind
        lines: list[ReceiptLine] = []
        for part in usage.passes:
            own = case if part.model is None else self.case((provider, part.model, None, *how))  # type: ignore[arg-type]
            if isinstance(own, Unpriced):
                return own
            _, plan = own.plan(at, part.usage.input_tokens or 0)
            lines += token_lines(plan, part.usage, part.model or model)
        rest = _receipt(case, msgspec.structs.replace(usage, input_tokens=None, output_tokens=None, passes=()), at)
        lines += rest.lines
        return Receipt(cost_usd=total(lines), lines=tuple(lines), price_key=rest.price_key)


def _on_plan(event: Event) -> Event:
    """Take the cost of a call for its list cost: a plan with a fixed price covers it."""
    if event.cost_usd is None:
        return event
    return _replace(event, cost_usd=Decimal(0), list_cost_usd=event.list_cost_usd or event.cost_usd)


def _unknown(provider: str, model: str, requested_model: str | None) -> Unpriced:
    currency = record_of(provider).currency
    if currency != DOLLAR:
        detail = f"{provider} bills in {currency}, and the price table is in US dollars: set what you pay for"
        return Unpriced(reason="other_currency", detail=f"{detail} {model!r} with tb.prices.set(...)")
    return UnknownModel(reason=UNKNOWN_MODEL, provider=provider, model=model, requested_model=requested_model)


def _receipt(case: RateSchedule, usage: Usage, at: datetime | None) -> Receipt:
    card, plan = case.plan(at, usage.input_tokens or 0)
    _check_both_sides(plan, usage)
    lines = [] if _is_billed_by_units(card, plan, usage, case.tier) else token_lines(plan, usage)
    if usage.tools or usage.units or card.per_request:
        extras = list(fees.extras(card, case.provider, usage, case.tier))
        lines += [_extra_line(extra, extra.rate, card.key) for extra in extras if extra.rate is not None]
        if unknown := [extra.part for extra in extras if extra.rate is None]:
            raise NoRateError(*unknown, lines=lines)
    if case.router is not None:
        # A unit of its own: the same tokens are billed by the model that was chosen.
        chosen = token_lines(case.router.plan(at, 0)[1], Usage(input_tokens=usage.input_tokens))
        lines += [_replace(line, part="model_router", unit="routed_token") for line in chosen]
    list_cost = None if case.on_demand is None else _list_cost(case.on_demand, usage, at)
    return Receipt(cost_usd=total(lines), lines=tuple(lines), price_key=card.key, list_cost_usd=list_cost)


def _list_cost(on_demand: RateSchedule, usage: Usage, at: datetime | None) -> Decimal | None:
    """Say what a prepaid call would have cost; None where that is not known."""
    with contextlib.suppress(NoPriceError, NoRateError):
        return _receipt(on_demand, usage, at).cost_usd
    return None


def _is_billed_by_units(card: RateCard, plan: RatePlan, usage: Usage, tier: str) -> bool:
    """Return whether tokens are stated beside the units that the row bills, as Mistral does with seconds of sound."""
    return (
        bool(usage.units)
        and plan.input.rate is None
        and plan.output.rate is None
        and any(fees.has_rate(card, unit, tier) for unit in usage.units)
    )


def _check_both_sides(plan: RatePlan, usage: Usage) -> None:
    """One side unknown is not that side zero, unless it costs nothing or is measured in other units."""
    if usage.units or (usage.input_tokens is None) == (usage.output_tokens is None):
        return
    side, name = (plan.input, "input") if usage.input_tokens is None else (plan.output, "output")
    if side.rate:
        raise NoUsageError(name)


def _extra_line(extra: fees.Extra, rate: Decimal, key: str) -> ReceiptLine:
    return ReceiptLine(
        part=extra.part,
        unit=extra.unit,
        quantity=extra.quantity,
        rate=rate,
        amount=amount(extra.quantity, rate),
        price_key=key,
        source=extra.source,
    )


def _reported(usd: Decimal) -> Receipt:
    """Take the provider's own bill: where a table disagrees with it, the table is wrong."""
    line = ReceiptLine(
        part=REPORTED,
        unit="usd",
        quantity=usd,
        rate=Decimal(1),
        amount=amount(usd, Decimal(1)),
        price_key=REPORTED,
        source="provider",
    )
    return Receipt(cost_usd=line.amount, lines=(line,), price_key=REPORTED)


class NoUsageError(Exception):
    """The tokens of a side were not stated; the side is the argument."""


def _refusal(error: Exception, provider: str, model: str) -> Unpriced:
    """Say for people why a call has no price."""
    what = f"{model} of {provider}"
    if isinstance(error, NoRateError):
        used = ", ".join(error.parts)
        setting = fees.how_to_set(provider, model, error.parts)
        detail = f"{what} used {used}, for which there is no rate: set one with {setting}"
        return Unpriced(reason="no_unit_price", detail=detail, parts=error.parts, lines=error.lines)
    if isinstance(error, NoPriceError):
        return Unpriced(reason="no_price", detail=f"{what} has no price for the time of the call yet")
    if isinstance(error, NoUsageError):
        return Unpriced(reason="no_usage", detail=f"the provider stated no {error} tokens for {what}")
    return Unpriced(reason="error", detail=f"{type(error).__name__}: {error}")
