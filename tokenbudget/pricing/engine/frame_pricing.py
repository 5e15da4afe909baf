"""Price a whole ledger frame at once.

The cost of calls of one kind, date and context is linear in their token counts, so a plan becomes a whole number of
picodollars for each token column, and the frame is priced by multiplying columns.  Other rows (with overlapping parts,
rates finer than a picodollar, tools or units) are priced one by one, by the same code as a single call.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from tokenbudget.core.money import to_pico
from tokenbudget.core.receipt import Unpriced
from tokenbudget.core.token_parts import REMAINDERS
from tokenbudget.core.usage import TOKEN_FIELDS, Pass, Usage
from tokenbudget.pricing.engine.frame_rates import FrameRates
from tokenbudget.pricing.engine.pricer import REPORTED, Kind, Pricer
from tokenbudget.pricing.engine.token_classes import BILLED_FIELDS

EXTRAS = "extras"
"""Optional column: the usage beside tokens, as the JSON of `Extras`."""

_KIND = ("provider", "model", "requested_model", "service_tier", "speed", "region", "batch")
# With the dearest rate (linear_frame.py), sums of products stay within 64 bits.
_MOST_TOKENS = 100_000_000


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields of a `Usage` that are not token counts."""

    tools: dict[str, int] = {}
    units: dict[str, Decimal] = {}
    passes: tuple[Pass, ...] = ()
    reported_cost_usd: Decimal | None = None

    @classmethod
    def json_of(cls, usage: Usage) -> str | None:
        """Return the JSON for the `EXTRAS` column; None if the usage has only tokens."""
        extras = cls(usage.tools, usage.units, usage.passes, usage.reported_cost_usd)
        return None if extras == cls() else msgspec.json.encode(extras).decode()


_extras = msgspec.json.Decoder(Extras)


def usage_of(row: Mapping[str, Any]) -> Usage:
    """Restore a usage from the token counts of a ledger row and its `EXTRAS`."""
    extras = _extras.decode(row[EXTRAS]) if row.get(EXTRAS) else Extras()
    counts = {name: row[name] for name in TOKEN_FIELDS if row.get(name) is not None}
    return Usage(**counts, **msgspec.structs.asdict(extras))


def reprice_frame(frame: pl.DataFrame, pricer: Pricer) -> pl.DataFrame:
    """Price every row of a ledger frame as of when it occurred.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of the ledger schema, as many as there are: ``provider``, ``model`` and ``occurred_at``, the token
        columns, ``requested_model``, ``service_tier``, ``speed``, ``region``, ``batch``, `EXTRAS`.
    pricer : Pricer
        Whose prices; `tokenbudget.pricing.default` is that of this process.

    Returns
    -------
    polars.DataFrame
        The same rows with ``cost_pico``, ``price_key`` and ``unpriced`` as `tokenbudget.pricing.price` gives them.
        Rows without `EXTRAS` that carry the provider's own bill (price key ``reported``) keep it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tokenbudget.pricing import default
    >>> row = {"provider": "openai", "model": "gpt-4o-mini", "occurred_at": datetime(2026, 10, 5, tzinfo=UTC)}
    >>> frame = pl.DataFrame([row | {"input_tokens": 1000, "output_tokens": 200}])
    >>> reprice_frame(frame, default())["cost_pico"].to_list()
    [270000000]
    """
    counts = frame.select(_counts(frame))
    names = [name for name in _KIND if name in frame.columns]
    kinds = frame.select(names).unique()
    cases = [pricer.case(_kind(row)) for row in kinds.iter_rows(named=True)]
    kind = frame.select(names).join(
        kinds.with_row_index("kind"), on=names, how="left", nulls_equal=True, maintain_order="left"
    )["kind"]
    rates = FrameRates(cases, counts.with_columns(frame["occurred_at"]), kind)
    reasons = [case.label if isinstance(case, Unpriced) else None for case in cases]
    answers = pl.DataFrame({
        "cost_pico": rates.cost(counts),
        "price_key": rates.key.gather(rates.variant),
        "unpriced": pl.Series(reasons, dtype=pl.String).gather(kind),
    })  # fmt: skip
    is_bill, is_single = _is_bill(frame), _is_single(frame, counts, rates)
    answers = _silenced(answers, counts)
    answers = _kept(answers, frame, is_bill)
    return frame.with_columns(_by_row(frame, answers, is_single & ~is_bill, pricer))


def _counts(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the token columns that count anything, and the two wholes in any case."""
    present = [name for name in TOKEN_FIELDS if name in frame.columns]
    wholes = ("input_tokens", "output_tokens")
    used = {*wholes, *(name for name in present if (frame[name] != 0).any())}
    columns = [pl.col(name).cast(pl.Int64) for name in present if name in used]
    return columns + [pl.repeat(None, pl.len(), dtype=pl.Int64).alias(name) for name in wholes if name not in present]


def _kind(row: Mapping[str, Any]) -> Kind:
    return (
        row["provider"],
        row["model"] or "",
        row.get("requested_model"),
        row.get("service_tier"),
        row.get("speed"),
        row.get("region"),
        bool(row.get("batch")),
    )


def _is_bill(frame: pl.DataFrame) -> pl.Series:
    """Find the rows whose cost the provider stated, which cannot be calculated again."""
    own = pl.col("price_key").eq_missing(pl.lit(REPORTED)) if "price_key" in frame.columns else pl.lit(value=False)
    alone = pl.col(EXTRAS).is_null() if EXTRAS in frame.columns else pl.lit(value=True)
    return frame.select((own & alone & (pl.len() > 0)).alias("bill"))["bill"]


def _is_single(frame: pl.DataFrame, counts: pl.DataFrame, rates: FrameRates) -> pl.Series:
    """Find the rows that must be priced one by one."""
    given, made = pl.col("input_tokens"), pl.col("output_tokens")
    number = rates.variant
    odd = pl.lit(rates.key.is_null().gather(number))
    odd = odd | (given.is_null() != made.is_null())
    for name, inexact in rates.inexact.items():
        if name in counts.columns:
            odd = odd | (pl.lit(inexact.gather(number)) & (pl.col(name).fill_null(0) > 0))
    for signs in REMAINDERS.values():
        known = {name: sign for name, sign in signs.items() if name in BILLED_FIELDS and name in counts.columns}
        if min(known.values(), default=0) < 0:
            odd = odd | (pl.sum_horizontal(pl.col(name).fill_null(0) * sign for name, sign in known.items()) < 0)
    for name in counts.columns:
        odd = odd | ~pl.col(name).fill_null(0).is_between(0, _MOST_TOKENS)
    # Where the kind has no price, no row has one, unless the provider stated the bill.
    odd = odd.fill_null(value=False) & pl.lit(number).is_not_null() & (given.is_not_null() | made.is_not_null())
    if EXTRAS in frame.columns:
        odd = odd | pl.lit(frame[EXTRAS]).is_not_null()
    return counts.select(odd.alias("single"))["single"]


def _silenced(answers: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Remove the cost of rows without usage."""
    silent = pl.lit(counts["input_tokens"].is_null() & counts["output_tokens"].is_null())
    return answers.with_columns(
        cost_pico=pl.when(silent).then(None).otherwise("cost_pico"),
        price_key=pl.when(silent).then(None).otherwise("price_key"),
        unpriced=pl.when(silent).then(pl.lit("no_usage")).otherwise("unpriced"),
    )


def _kept(answers: pl.DataFrame, frame: pl.DataFrame, is_bill: pl.Series) -> pl.DataFrame:
    if not is_bill.any():
        return answers
    own = frame.select(cost_pico="cost_pico", price_key="price_key", unpriced=pl.lit(None, pl.String))
    return answers.select(
        pl.when(pl.lit(is_bill)).then(pl.lit(own[name])).otherwise(name).alias(name) for name in own.columns
    )


def _by_row(frame: pl.DataFrame, answers: pl.DataFrame, chosen: pl.Series, pricer: Pricer) -> list[pl.Series]:
    """Price the chosen rows one by one, and insert the results."""
    if not chosen.any():
        return answers.get_columns()
    rows = chosen.arg_true()
    found = [_answer(pricer, row) for row in frame[rows].iter_rows(named=True)]
    return [
        answers[name].scatter(rows, pl.Series([one[index] for one in found], dtype=answers.schema[name]))
        for index, name in enumerate(answers.columns)
    ]


def _answer(pricer: Pricer, row: Mapping[str, Any]) -> tuple[int | None, str | None, str | None]:
    answer = pricer.outcome(_kind(row), usage_of(row), row["occurred_at"])
    if isinstance(answer, Unpriced):
        return None, None, answer.label
    return to_pico(answer.cost_usd), answer.price_key, None
