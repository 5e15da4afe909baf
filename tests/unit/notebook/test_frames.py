from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokenbudget.core.errors import QueryError
from tokenbudget.ledger.schema import COST, INSTANT
from tokenbudget.notebook.frames import to_user_frame

EXACT = pl.DataFrame(
    {
        "bucket": pl.Series([datetime(2026, 10, 5, tzinfo=UTC), None], dtype=INSTANT),
        "model": ["gpt-4o", None],
        "requests": pl.Series([3, None], dtype=pl.Int64),
        "cost_usd": pl.Series([Decimal("0.000000000001"), None], dtype=COST),
        "error_rate": [0.5, None],
    }
)


def test_pandas_types_and_unknown_values() -> None:
    frame = to_user_frame(EXACT, "Asia/Kolkata", "pandas")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "bucket": "datetime64[us, Asia/Kolkata]",
        "model": "str",
        "requests": "Int64",
        "cost_usd": "float64",
        "error_rate": "float64",
    }
    assert frame.iloc[0].tolist() == [pd.Timestamp("2026-10-05 05:30", tz="Asia/Kolkata"), "gpt-4o", 3, 1e-12, 0.5]
    assert frame.iloc[1].isna().all()


def test_polars_types() -> None:
    frame = to_user_frame(EXACT, "Asia/Kolkata", "polars")
    assert frame.schema["cost_usd"] == pl.Float64
    assert frame.schema["bucket"] == pl.Datetime("us", "Asia/Kolkata")


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_an_empty_answer_keeps_its_types(backend) -> None:
    full, none = to_user_frame(EXACT, "UTC", backend), to_user_frame(EXACT.clear(), "UTC", backend)
    assert len(none) == 0
    assert list(none.columns) == list(full.columns)
    assert list(map(str, none.dtypes)) == list(map(str, full.dtypes))


@example([Decimal("933955.842044160735")])  # Rounded twice, this would be another double.
@given(st.lists(st.decimals(0, 10**20, places=12), min_size=1, max_size=5))
def test_money_becomes_the_nearest_double(amounts) -> None:
    frame = pl.DataFrame({"cost_usd": pl.Series(amounts, dtype=COST)})
    assert to_user_frame(frame, "UTC", "polars")["cost_usd"].to_list() == [float(amount) for amount in amounts]


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(QueryError, match="'pandas' or 'polars'"):
        to_user_frame(EXACT, "UTC", "spark")
