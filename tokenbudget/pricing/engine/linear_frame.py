"""Plans as whole numbers: for each kind of call, date, context and hour, picodollars by token column."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest

import polars as pl

from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.pricing.book.off_peak import OffPeak
from tokenbudget.pricing.engine.rate_card import EXACT, RateCard, RatePlan
from tokenbudget.pricing.engine.rate_schedule import NoPriceError, RateSchedule
from tokenbudget.pricing.engine.receipt_lines import NoRateError

_PICO = Decimal(10) ** 12
# With the largest counts that are multiplied (frame.py), sums of products stay within 64 bits.
_DEAREST = 10**10
_MICROSECONDS = 1_000_000


class Variants:
    """The rates of every kind of call in a frame, one number for each that rows may need.

    Parameters
    ----------
    cases : sequence of Case or Unpriced
        By kind.
    frame : polars.DataFrame
        With ``occurred_at`` and ``input_tokens``.
    kind : polars.Series
        The kind of each row.

    Attributes
    ----------
    number : polars.Series
        The variant of each row; null where its kind has no price.
    linear : polars.Series
        By variant: whether the cost is a sum of whole picodollars per token.
    input_known, output_known, key : polars.Series
        By variant: whether every part of the side has a rate; the price row.
    """

    def __init__(self, cases: Sequence[RateSchedule | Unpriced], frame: pl.DataFrame, kind: pl.Series) -> None:
        self._cards = [
            (case, epoch) for case in cases if isinstance(case, RateSchedule) for epoch in range(len(case.cards))
        ]
        self._levels = 1 + max(
            (len(card.brackets) for card in map(self._card, range(len(self._cards))) if card), default=0
        )
        card = self._card_of_rows(cases, frame, kind)
        level, off_peak = self._level(frame, card), self._off_peak(frame, card)
        self.number = (card * self._levels + level) * 2 + off_peak
        self._compile(self.number.unique().drop_nulls().to_list())

    def _card(self, number: int) -> RateCard | None:
        case, epoch = self._cards[number]
        return case.cards[epoch]

    def _card_of_rows(
        self, cases: Sequence[RateSchedule | Unpriced], frame: pl.DataFrame, kind: pl.Series
    ) -> pl.Series:
        first: list[int | None] = []
        taken = 0
        for case in cases:
            first.append(taken if isinstance(case, RateSchedule) else None)
            taken += len(case.cards) if isinstance(case, RateSchedule) else 0
        begins = [case.begins[1:] if isinstance(case, RateSchedule) else [] for case in cases]
        occurred = frame["occurred_at"].dt.epoch("us")
        epoch = _exceeded(begins, kind, occurred, scale=_MICROSECONDS, inclusive=True)
        return pl.Series(first, dtype=pl.Int64).gather(kind) + epoch

    def _level(self, frame: pl.DataFrame, card: pl.Series) -> pl.Series:
        bounds = [known.brackets if (known := self._card(number)) else () for number in range(len(self._cards))]
        return _exceeded(bounds, card, frame["input_tokens"].fill_null(0))

    def _off_peak(self, frame: pl.DataFrame, card: pl.Series) -> pl.Series:
        flags = pl.repeat(0, len(frame), dtype=pl.Int64, eager=True)
        for number in range(len(self._cards)):
            known = self._card(number)
            if known is not None and known.off_peak is not None and len(rows := (card == number).arg_true()):
                cheap = frame[rows].select(_holds(known.off_peak).cast(pl.Int64).alias("cheap"))["cheap"]
                flags = flags.scatter(rows, cheap)
        return flags

    def _compile(self, used: Sequence[int]) -> None:
        size = len(self._cards) * self._levels * 2
        self.coefficients: dict[str, list[int]] = {}
        linear, known = [False] * size, {"input": [True] * size, "output": [True] * size}
        keys: list[str | None] = [None] * size
        for number in used:
            plan = self._plan(number)
            if plan is None:
                continue
            keys[number] = plan.key
            for side in (plan.input, plan.output):
                rates = [side.rate, *(charge.rate for charge in side.charges)]
                known[side.name][number] = None not in rates
            found = coefficients(plan)
            linear[number] = found is not None
            for field, pico in (found or {}).items():
                self.coefficients.setdefault(field, [0] * size)[number] = pico
        self.linear = pl.Series(linear, dtype=pl.Boolean)
        self.input_known = pl.Series(known["input"], dtype=pl.Boolean)
        self.output_known = pl.Series(known["output"], dtype=pl.Boolean)
        self.key = pl.Series(keys, dtype=pl.String)

    def _plan(self, number: int) -> RatePlan | None:
        """Give the plan of a variant; None where only a single call's path can say what is missing."""
        card, level = divmod(number // 2, self._levels)
        case, epoch = self._cards[card]
        try:
            known = case.card(epoch)
            above = (0, *known.brackets)[level]
            plan = case.plan_of(epoch, above, off_peak=bool(number % 2))
        except (NoPriceError, NoRateError):
            return None
        return None if known.per_request or case.router else plan

    def cost(self, counts: pl.DataFrame) -> pl.Series:
        """Give the cost of each row in picodollars, where it is linear; null where the kind has no price."""
        cost = self.number * 0
        for field, picos in self.coefficients.items():
            if field in counts.columns and any(picos):
                cost = cost + pl.Series(picos, dtype=pl.Int64).gather(self.number) * counts[field].fill_null(0)
        return cost


def coefficients(plan: RatePlan) -> dict[str, int] | None:
    """Give picodollars per count of each token column, such that parts correct what their whole paid.

    None where a rate is finer than a picodollar: then each line of a receipt is rounded.

    Examples
    --------
    >>> from tokenbudget.pricing.engine.rate_card import RateCard
    >>> card = RateCard("m", {"input_cost_per_token": Decimal("3e-6"), "output_cost_per_token": Decimal("15e-6"),
    ...                   "cache_read_input_token_cost": Decimal("3e-7")})
    >>> found = coefficients(card.plan("", 0, off_peak=False))
    >>> found["input_tokens"], found["cache_read_tokens"], found["output_tokens"]
    (3000000, -2700000, 15000000)
    """
    found = dict.fromkeys(TOKEN_FIELDS, 0)
    for side in (plan.input, plan.output):
        whole = _pico(side.rate)
        found[f"{side.name}_tokens"] += whole or 0
        for charge in side.charges:
            own = _pico(charge.rate)
            if own is None or whole is None:
                return None
            found[charge.field] += own - whole
            for field in charge.less:
                found[field] -= own - whole
        if whole is None:
            return None
    return {field: pico for field, pico in found.items() if pico}


def _pico(rate: Decimal | None) -> int | None:
    """Give a rate in whole picodollars; that of an unknown rate is never billed and may be 0."""
    if rate is None:
        return 0
    pico = EXACT.multiply(rate, _PICO)
    return int(pico) if pico == pico.to_integral_value() and pico < _DEAREST else None


def _exceeded(
    bounds: Sequence[Sequence[float]], group: pl.Series, value: pl.Series, *, scale: int = 1, inclusive: bool = False
) -> pl.Series:
    """Count how many bounds of its group each value exceeds (or reaches)."""
    count = pl.repeat(0, len(value), dtype=pl.Int64, eager=True)
    for column in zip_longest(*bounds):
        bound = pl.Series([None if b is None else round(b * scale) for b in column], dtype=pl.Int64).gather(group)
        over = value >= bound if inclusive else value > bound
        count = count + over.fill_null(value=False).cast(pl.Int64)
    return count


def _holds(rule: OffPeak) -> pl.Expr:
    """Say as an expression when a provider charges less."""
    occurred = pl.col("occurred_at").dt.convert_time_zone("UTC")
    clock = occurred.dt.hour().cast(pl.Int32) * 60 + occurred.dt.minute()
    weekday = occurred.dt.convert_time_zone(str(rule.zone)).dt.weekday()
    found = pl.lit(value=False)
    for window in rule.windows:
        start, end = (moment.hour * 60 + moment.minute for moment in (window.start, window.end))
        inside = (clock >= start) & (clock < end) if start < end else (clock >= start) | (clock < end)
        found = found | (inside & weekday.is_in(sorted(window.weekdays)))
    return found
