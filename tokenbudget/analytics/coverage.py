"""Calls that costs do not include: those without a price, with the reason and what to do; and what transcripts omit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from tokenbudget.analytics import answers
from tokenbudget.analytics.collecting import collect_all
from tokenbudget.analytics.limits import NONE, Limits
from tokenbudget.analytics.metrics import unpriced
from tokenbudget.analytics.selection import events_of
from tokenbudget.core.query import Query
from tokenbudget.core.receipt import Receipt, Unpriced
from tokenbudget.core.usage import Usage
from tokenbudget.ledger.schema import INSTANT, Source, tag_column
from tokenbudget.pricing.engine.fees import how_to_set
from tokenbudget.pricing.engine.pricer import Pricer
from tokenbudget.pricing.engine.reprice import NOT_IN_THE_BOOK

_TOKENS = ("input_tokens", "output_tokens")
_AGENT = tag_column("agent")
_NEEDS = (
    "provider",
    "model",
    "requested_model",
    "unpriced",
    "occurred_at",
    "status",
    "cost_pico",
    "source",
    _AGENT,
    *_TOKENS,
)
_GROUP = ("provider", "model", "reason")
_COUNT = pl.Int64()
DTYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(_GROUP, pl.String()),
    **dict.fromkeys(("requests", "input_tokens", "output_tokens"), _COUNT),
    "share": pl.Float64(),
    "last_at": INSTANT,
    "advice": pl.String(),
}
"""Columns of the answer."""

LOOKED_UP = 50
"""Rows, those of most calls, for which names that are near are looked for: each costs some 10 ms."""
_ANY_USAGE = Usage(input_tokens=1, output_tokens=1)
_ADVICE = {
    "no_usage": "the provider stated no tokens: ask for usage in streams (stream_options={{'include_usage': True}}),"
    " and read streams to their end",
    "no_unit_price": "no rate is known for {parts}: set it with {how}, then tb.reprice(...)",
    "error": "pricing failed: tb.explain(id) of a call shows the error; please report it",
}
_NOT_TOLD = "not_in_transcripts"
_OF_TRANSCRIPTS = (
    "these calls are priced; but transcripts of {agent} do not tell of web searches, nor of side queries (titles,"
    " summaries): the bill is higher by those"
)
_BEYOND = "ask about this model alone (model=…) to see what to do about it"
_NO_REASON = "recorded without a price: tb.reprice(...) prices what can be priced"


def coverage(source: Source, query: Query, pricer: Pricer, limits: Limits = NONE) -> pl.DataFrame:
    """Return the calls of a period whose cost is unknown.

    Parameters
    ----------
    source : Source
    query : Query
        Period and filters.
    pricer : Pricer
        To find new prices and similar names.
    limits : Limits
        Of the answer.

    Returns
    -------
    polars.DataFrame
        One row per provider, model and reason, most calls first: ``requests``, ``input_tokens`` and ``output_tokens``
        (null if none were stated), ``share`` (of the period's calls, 0 to 1), ``last_at`` (UTC) and ``advice``.
        If calls were imported from transcripts, a row ``not_in_transcripts`` says what those leave out; apart from it,
        the frame is empty if every charged call has a price.

    Raises
    ------
    QueryError
        If there would be more rows than the limits allow.
    """
    events = events_of(source, query, query.period.start, query.period.end, _NEEDS)
    total, unknown, imported = collect_all([events.select(pl.len()), _groups(events), _imported(events)])
    rows_in_all = unknown.height + imported.height
    limits.check_answer(rows_in_all, len(DTYPES), "ask about a shorter period, or one provider=…")
    ordered = pl.concat([_sorted(unknown), _sorted(imported)], how="diagonal")
    rows = enumerate(ordered.iter_rows(named=True))
    advice = [_advice(pricer, row, looks=place < LOOKED_UP) for place, row in rows]
    return ordered.select(
        *_GROUP,
        "requests",
        "input_tokens",
        "output_tokens",
        (pl.col("requests") / total.item()).alias("share"),
        "last_at",
        pl.Series("advice", advice, dtype=pl.String),
    )


def _sorted(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.sort("requests", *_GROUP, descending=[True, False, False, False], nulls_last=True)


def _groups(events: pl.LazyFrame) -> pl.LazyFrame:
    return (
        events.filter(unpriced())
        .group_by(*_GROUP[:2], pl.col("unpriced").alias("reason"))
        .agg(pl.col("requested_model").drop_nulls().min(), *_counts())
    )


def _imported(events: pl.LazyFrame) -> pl.LazyFrame:
    """Count the calls that agents' transcripts told of."""
    return (
        events.filter(pl.col("source") == "import")
        .group_by("provider", pl.col(_AGENT).alias("agent"))
        .agg(pl.lit(None, pl.String).alias("model"), pl.lit(_NOT_TOLD).alias("reason"), *_counts())
    )


def _counts() -> list[pl.Expr]:
    tokens = (pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in _TOKENS)
    return [pl.len().cast(_COUNT).alias("requests"), pl.col("occurred_at").max().alias("last_at"), *tokens]


def _advice(pricer: Pricer, row: Mapping[str, Any], *, looks: bool) -> str:
    reason, _, parts = (row["reason"] or "").partition(": ")
    if reason == _NOT_TOLD:
        return _OF_TRANSCRIPTS.format(agent=row["agent"] or "agents")
    if reason not in NOT_IN_THE_BOOK:
        how = how_to_set(row["provider"], row["model"], parts.split(", ")) if parts else "tb.prices.set(...)"
        return _ADVICE.get(reason, _NO_REASON).format(parts=parts or "something", how=how)
    if not looks:
        return _BEYOND
    answer: Receipt | Unpriced = pricer.price(
        row["provider"], row["model"], _ANY_USAGE, requested_model=row["requested_model"]
    )
    if isinstance(answer, Receipt):
        return f"there is a price now ({answer.price_key}): tb.reprice(...) prices these calls"
    return answer.detail


def document(source: Source, query: Query, pricer: Pricer, limits: Limits = NONE) -> answers.Document:
    """Answer as it travels: ``period``, ``rows``."""
    return {"period": answers.period(query.period), "rows": coverage(source, query, pricer, limits).to_dicts()}
