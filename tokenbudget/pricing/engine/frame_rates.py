"""The rates of a frame in integer picodollars per token: one set per kind of call, price date, context and hour."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import polars as pl

from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.usage import TOKEN_FIELDS
from tokenbudget.pricing.book.off_peak import OffPeak
from tokenbudget.pricing.engine.rate_card import RateCard, RatePlan
from tokenbudget.pricing.engine.rate_schedule import NoPriceError, RateSchedule
from tokenbudget.pricing.engine.receipt_lines import NoRateError

# With the largest counts that are multiplied (frames.py), sums of products stay within 64 bits.
_DEAREST = 10**10
_MICROSECONDS = 1_000_000


class FrameRates:
    """The rates of all kinds of calls in a frame; each combination that rows need is a numbered variant.

    Parameters
    ----------
    cases : sequence of RateSchedule or Unpriced
        By kind.
    frame : polars.DataFrame
        With ``occurred_at`` and ``input_tokens``.
    kind : polars.Series
        The kind of each row.

    Attributes
    ----------
    variant : polars.Series
        The variant of each row; null if its kind has no price.
    inexact : dict of str to polars.Series
        For each token field, by variant: whether its rate is missing, too large, or no whole number of picodollars.
    key : polars.Series
        By variant: the price row; null if such calls have to be priced one by one.
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
        self.variant = (card * self._levels + level) * 2 + off_peak
        self._compile(self.variant.unique().drop_nulls().to_list())

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
        self._rates: dict[str, list[int]] = {}
        inexact: dict[str, list[bool]] = {}
        keys: list[str | None] = [None] * size
        for number in used:
            plan = self._plan(number)
            if plan is None:
                continue
            keys[number] = plan.key
            for field in TOKEN_FIELDS:
                rate = None if field in plan.linear.unrated else plan.linear.rates.get(field)
                if rate is None or abs(rate) >= _DEAREST:
                    inexact.setdefault(field, [False] * size)[number] = True
                elif rate:
                    self._rates.setdefault(field, [0] * size)[number] = rate
        self.inexact = {field: pl.Series(flags, dtype=pl.Boolean) for field, flags in inexact.items()}
        self.key = pl.Series(keys, dtype=pl.String)

    def _plan(self, number: int) -> RatePlan | None:
        """Return the plan of a variant; None if such calls have to be priced one by one."""
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
        """Return the cost of each row in picodollars if it is linear; null if the kind has no price."""
        cost = self.variant * 0
        for field, rates in self._rates.items():
            if field in counts.columns:
                cost = cost + pl.Series(rates, dtype=pl.Int64).gather(self.variant) * counts[field].fill_null(0)
        return cost


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
    """Return an expression that tells whether a provider's off-peak rates apply."""
    occurred = pl.col("occurred_at").dt.convert_time_zone("UTC")
    clock = occurred.dt.hour().cast(pl.Int32) * 60 + occurred.dt.minute()
    weekday = occurred.dt.convert_time_zone(str(rule.zone)).dt.weekday()
    found = pl.lit(value=False)
    for window in rule.windows:
        start, end = (moment.hour * 60 + moment.minute for moment in (window.start, window.end))
        inside = (clock >= start) & (clock < end) if start < end else (clock >= start) | (clock < end)
        found = found | (inside & weekday.is_in(sorted(window.weekdays)))
    return found
