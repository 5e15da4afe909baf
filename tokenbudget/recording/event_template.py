"""Event templates: price and encode events of one kind without building an `Event`.

Most calls of a process are of a few kinds: the same model of the same provider, in the same tier.  For each kind, the
constant fields are encoded once, and prices are resolved once (`tokenbudget.pricing.engine.linear`).  For a call, only
its counts are added up and its own fields encoded.  A call that does not fit (server tools, contradictory counts, units
other than tokens) is refused: `EventTemplate.render` returns None, and the event is built, checked and priced in full.
Both paths give the same event.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tokenbudget import config
from tokenbudget.config import Config
from tokenbudget.core.event import Event, encode
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.sanitize import sanitized
from tokenbudget.core.usage import STATED_ZEROS, TOKEN_FIELDS, Usage
from tokenbudget.pricing import default_pricer
from tokenbudget.pricing.engine.linear import terms_of
from tokenbudget.pricing.engine.pricer import Pricer
from tokenbudget.pricing.engine.rate_schedule import CurrentRates

Kind = tuple[str, str, str, str | None, str | None, str | None, str | None]
"""Provider, operation, model, requested model, service tier, speed, region."""

_MOST_KINDS = 1000
_UNPRICED = terms_of(dict.fromkeys(TOKEN_FIELDS, 0))
_USAGE = frozenset(Usage.__struct_fields__)
_DOLLAR = 10**12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGIN = encode(Event(id="", occurred_at=_EPOCH, provider="", model="")).index(b',"provider"')


class EventTemplate:
    """The template of one kind of event.

    Parameters
    ----------
    event : Event
        An event of the kind, without the fields that differ.
    current_rates : CurrentRates or None
        The rates; None if there is no price, in which case the event states the reason.
    """

    __slots__ = ("_end", "_is_priced", "_most_input", "_terms")

    def __init__(self, event: Event, current_rates: CurrentRates | None) -> None:
        self._end = encode(event)[_BEGIN:]
        self._terms = _UNPRICED if current_rates is None else current_rates.terms
        self._most_input = sys.maxsize if current_rates is None else current_rates.most_input
        self._is_priced = current_rates is not None

    def render(self, found: Mapping[str, Any], own: dict[str, Any]) -> bytes | None:
        """Encode an event.

        Parameters
        ----------
        found : mapping
            Counts by the names of `Usage`; other names are ignored.
        own : dict
            The event's other fields: its id and so on.  Usage and cost are added.

        Returns
        -------
        bytes or None
            The record; None if the event does not fit the template.
        """
        terms, counts = self._terms, {}
        pico = given = made = written = 0
        for name, count in found.items():
            term = terms.get(name)
            if term is None:
                if name in _USAGE and (count or name in STATED_ZEROS):
                    return None
            elif count or name in STATED_ZEROS:
                if type(count) is not int or count < 0:
                    return None
                counts[name] = count
                rate, a, b, c = term
                pico += count * rate
                given += count * a
                made += count * b
                written += count * c
        whole = counts.get("input_tokens")
        if not whole or whole > self._most_input or "output_tokens" not in counts:
            return None
        if given < 0 or made < 0 or written < 0:
            return None
        own["usage"] = counts
        if self._is_priced:
            own["cost_usd"] = f"{pico // _DOLLAR}.{pico % _DOLLAR:012}"
        return encode(own)[:-1] + self._end


class EventTemplates:
    """The templates for the settings and prices in force."""

    def __init__(self) -> None:
        self._state = _State(None, None, None)

    def find(self, kind: Kind) -> EventTemplate | None:
        """Return the template of a kind; None if its events have to be built, or nothing is recorded."""
        state = self._state
        if state.settings is not config.in_force or state.prices is not default_pricer.in_force:
            state = self._state = _State.in_force()
        try:
            return state.known[kind]
        except KeyError:
            template = state.known[kind] = state.make(kind)
            return template
        except TypeError:
            return None  # A server may send anything for a name.


class _State:
    """Templates for one set of settings and prices, so that threads never mix them with those of another set."""

    __slots__ = ("known", "pricer", "prices", "settings")

    def __init__(self, settings: Config | None, prices: object, pricer: Pricer | None) -> None:
        self.settings = settings
        self.prices = prices
        self.pricer = pricer
        self.known: dict[Kind, EventTemplate | None] = {}

    @classmethod
    def in_force(cls) -> _State:
        """Create the state for the settings and prices in force."""
        settings = config.in_force
        with contextlib.suppress(Exception):  # Pricing the event itself says what is wrong.
            default_pricer.default()
        prices = default_pricer.in_force
        return cls(settings, prices, prices[1] if prices is not None and prices[0] is settings else None)

    def make(self, kind: Kind) -> EventTemplate | None:
        """Make the template of a kind; None if it cannot have one."""
        if len(self.known) >= _MOST_KINDS:
            self.known.clear()
        settings, pricer = self.settings, self.pricer
        if settings is None or pricer is None or not settings.enabled:
            return None
        if not all(name is None or type(name) is str for name in kind):
            return None
        provider, operation, model, requested_model, service_tier, speed, region = kind
        price = pricer.current_rates((provider, model, requested_model, service_tier, speed, region, False))
        if price is None:
            return None
        event = Event(
            id="",
            occurred_at=_EPOCH,
            provider=provider,
            model=model,
            operation=operation,
            requested_model=requested_model,
            service_tier=service_tier,
            speed=speed,
            region=region,
            project=settings.project,
            unpriced=price.label if isinstance(price, Unpriced) else None,
            price_key=price.key if isinstance(price, CurrentRates) else None,
        )
        if sanitized(event) is not event:
            return None  # Each event has to state what was changed in its names.
        return EventTemplate(event, price if isinstance(price, CurrentRates) else None)
