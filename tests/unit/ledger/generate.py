"""Random events, and a ledger source that holds them, for the tests of everything that reads a ledger."""

from __future__ import annotations

import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.ledger import schema

START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN_MINUTES = 60 * 24 * 60
"""Sixty days in which clocks are set in New York, Berlin, Cairo and on Lord Howe."""

ODD_TAGS = ["team.name", "limit", "member", "x:y-Z_0.1", "status"]
"""Also names of parameters, of dimensions and of metrics' columns."""

tokens = st.integers(0, 200_000)
cost = st.decimals(0, 9_000_000, places=12)
text = st.text(string.ascii_lowercase + " é/-:", min_size=1, max_size=6)


class FrameSource:
    """A ledger source made of one frame."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._frame = schema.to_frame(events) if events else schema.empty()

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        return schema.select(schema.within(self._frame.lazy(), start, end), columns)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    if draw(st.integers(0, 4)) == 0:
        return Usage()
    inputs, outputs = draw(tokens), draw(st.none() | tokens)
    read = draw(st.integers(0, inputs))
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cache_read_tokens=read,
        cache_write_tokens=draw(st.integers(0, inputs - read)),
        reasoning_tokens=draw(st.integers(0, outputs or 0)),
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    price = draw(st.none() | cost)
    at = START + timedelta(minutes=draw(st.integers(0, SPAN_MINUTES)), microseconds=draw(st.integers(0, 59_999_999)))
    return Event(
        id=uuid7(),
        occurred_at=at,
        provider=draw(st.sampled_from(["openai", "anthropic"])),
        model=draw(st.sampled_from(["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "other"])),
        usage=draw(usages()),
        cost_usd=None if price is None else Decimal(price),
        list_cost_usd=draw(st.none() | cost) if price is not None else None,
        billing=draw(st.sampled_from(["api", "subscription", "unknown"])),
        unpriced="unknown_model" if price is None else None,
        latency_ms=draw(st.none() | st.integers(0, 90_000_000).map(lambda us: us / 1000)),
        time_to_first_token_ms=draw(st.none() | st.just(12.5)),
        status=draw(st.sampled_from(["ok", "ok", "error", "aborted"])),
        measured=draw(st.sampled_from(["exact", "exact", "estimated"])),
        tags=draw(st.dictionaries(st.sampled_from(["feature", "user_id", *ODD_TAGS]), text, max_size=4)),
    )
