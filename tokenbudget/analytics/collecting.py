"""How lazy frames are computed: by polars as it sees fit, or as whoever answers for others has said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import polars as pl

Collector = Callable[[Sequence[pl.LazyFrame]], list[pl.DataFrame]]


def _as_polars_sees_fit(frames: Sequence[pl.LazyFrame]) -> list[pl.DataFrame]:
    return pl.collect_all(frames) if len(frames) > 1 else [frame.collect() for frame in frames]


_collector: ContextVar[Collector] = ContextVar("collector", default=_as_polars_sees_fit)


def collect_all(frames: Sequence[pl.LazyFrame]) -> list[pl.DataFrame]:
    """Compute frames together."""
    return _collector.get()(frames)


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Compute a frame."""
    (found,) = collect_all([frame])
    return found


@contextmanager
def collecting(how: Collector) -> Iterator[None]:
    """Have frames computed in this way, for the length of a ``with`` block."""
    token = _collector.set(how)
    try:
        yield
    finally:
        _collector.reset(token)
