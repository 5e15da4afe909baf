"""Convert exact results to the data frames that users get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from tokenbudget.core.errors import MissingExtraError, QueryError
from tokenbudget.core.money import PICO

if TYPE_CHECKING:
    import pandas as pd

Backend = Literal["pandas", "polars"]

_EXACT_BELOW = 2**53
"""Below this, every whole number is exactly a double, so that dividing two of them rounds correctly."""


def to_user_frame(frame: pl.DataFrame, tz: str, backend: Backend) -> Any:
    """Convert an exact result to the data frame that a user gets.

    Money becomes the double nearest to the exact amount, instants are shown in `tz`.  pandas columns are ``Int64``
    (counts and tokens, ``<NA>`` where unknown), ``float64`` (NaN), ``datetime64[us, tz]`` and pandas' string type.

    Raises
    ------
    QueryError
        If there is no such backend.
    MissingExtraError
        If pandas is asked for and not installed.
    """
    if backend not in get_args(Backend):
        msg = f"unknown backend {backend!r}: use {' or '.join(map(repr, get_args(Backend)))}"
        raise QueryError(msg)
    shown = pl.DataFrame([_shown(frame[name], tz) for name in frame.columns])
    return shown if backend == "polars" else _to_pandas(shown)


def _shown(column: pl.Series, tz: str) -> pl.Series:
    if isinstance(column.dtype, pl.Decimal):
        return _dollars(column)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.convert_time_zone(tz)
    return column


def _dollars(column: pl.Series) -> pl.Series:
    pico = column.reinterpret(dtype=pl.Int128)
    largest: int | None = pico.abs().max()  # type: ignore[assignment]
    if (largest or 0) <= _EXACT_BELOW:
        # By a column: polars multiplies by the inverse of a single divisor, which rounds twice.
        return pico.cast(pl.Float64) / pl.repeat(float(PICO), len(pico), eager=True)
    amounts = [None if amount is None else float(amount) for amount in column.to_list()]
    return pl.Series(column.name, amounts, dtype=pl.Float64)


def _to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        msg = "pandas is not installed: install pandas, or ask with backend='polars'"
        raise MissingExtraError(msg) from error
    return pd.DataFrame({name: _pandas_column(frame[name]) for name in frame.columns})


def _pandas_column(column: pl.Series) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype.is_integer():
        values = column.cast(pl.Int64).fill_null(0).to_numpy(writable=True)
        return pd.Series(pd.arrays.IntegerArray(values, column.is_null().to_numpy(writable=True)))
    if column.dtype == pl.String:
        return pd.Series(column.to_list(), dtype="str")
    return column.to_pandas()
