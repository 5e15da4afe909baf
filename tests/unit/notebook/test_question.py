from datetime import UTC, date
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest

from tokenbudget import config
from tokenbudget.core.errors import PeriodError, QueryError
from tokenbudget.notebook.question import question


@pytest.fixture(autouse=True)
def _settings():
    yield
    config.reset()


def test_filters_are_texts_and_none_means_untagged() -> None:
    asked = question("7d", filters={"feature": None, "model": ["a", "b"], "user_id": 7})
    assert asked.filters == {"feature": ("",), "model": ("a", "b"), "user_id": ("7",)}


@pytest.mark.parametrize(
    "users",
    [
        pd.Series(["a", None, "b"]),
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.array(["a", float("nan"), "b"], dtype=object),
        pl.Series(["a", None, "b"]),
        (user for user in ("a", float("nan"), "b")),
        {"a": 1, None: 2, "b": 3}.keys(),
    ],
)
def test_the_values_of_a_frame_are_several(users) -> None:
    assert question("7d", filters={"user_id": users}).filters == {"user_id": ("a", "", "b")}


@pytest.mark.parametrize(("by", "expected"), [(None, ()), ("model", ("model",)), (["a", "b"], ("a", "b"))])
def test_dimensions(by, expected) -> None:
    assert question("7d", by=by).by == expected


def test_the_configured_zone_counts_unless_another_is_named(tmp_path) -> None:
    config.configure(home=tmp_path, tz="Asia/Kolkata")
    assert question("7d").period.tz == "Asia/Kolkata"
    assert question("7d", tz="Europe/Berlin").period.tz == "Europe/Berlin"


@pytest.mark.parametrize(("tz", "name"), [(ZoneInfo("Asia/Kathmandu"), "Asia/Kathmandu"), (UTC, "UTC")])
def test_a_zone_may_be_an_object(tz, name) -> None:
    assert question("7d", tz=tz).period.tz == name


def test_a_pair_of_dates_includes_the_second() -> None:
    period = question((date(2026, 10, 1), date(2026, 10, 2))).period
    assert (period.end - period.start).days == 2


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"period": "soon"}, PeriodError, "unknown period 'soon'"),
        ({"period": "7d", "tz": "Mars/Base"}, PeriodError, "unknown time zone"),
        ({"period": "7d", "interval": "year"}, QueryError, "15min, hour, day"),
        ({"period": "7d", "limit": 0}, QueryError, "at least 1"),
        ({"period": "7d", "by": "no such!"}, QueryError, "neither a dimension"),
        ({"period": "7d", "filters": {"no such!": "x"}}, QueryError, "neither a dimension"),
        ({"period": "7d", "filters": {"model": []}}, QueryError, "allows no value"),
        ({"period": "7d", "filters": {"model": pd.Series([], dtype=object)}}, QueryError, "allows no value"),
        ({"period": "7d", "filters": {"model": [["a"]]}}, QueryError, "cannot be list"),
    ],
)
def test_what_is_not_understood_is_said(asked, error, says) -> None:
    with pytest.raises(error, match=says):
        question(**asked)
