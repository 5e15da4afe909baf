from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

import tokenbudget as tb
from tokenbudget import config
from tokenbudget.core.errors import QueryError
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.journal import Journal
from tokenbudget.notebook import UnpricedWarning
from tokenbudget.notebook.api import summary

NOW = datetime.now(UTC)


@pytest.fixture
def journal(tmp_path):
    config.configure(home=tmp_path, url="", tz="UTC")
    yield lambda **fields: Journal(tmp_path).append(
        encode(
            Event(**{"id": uuid7(), "occurred_at": NOW, "provider": "openai", "model": "gpt-4o"} | fields),
        )
    )
    config.reset()


def test_an_empty_journal_costs_nothing(journal) -> None:
    row = tb.summary().iloc[0]
    assert (row["requests"], row["cost_usd"], row["previous_cost_usd"]) == (0, 0, 0)
    assert tb.by("model").empty
    assert tb.events().empty
    assert len(tb.timeseries("7d")) == 7


def test_the_period_before_is_compared_with(journal) -> None:
    journal(cost_usd=Decimal("1.1"))
    journal(cost_usd=Decimal(1), occurred_at=NOW - timedelta(hours=25))
    row = tb.summary("24h").iloc[0]
    assert (row["cost_usd"], row["previous_cost_usd"]) == (1.1, 1.0)
    assert row["cost_change"] == pytest.approx(0.1)


def test_summary_by_is_by(journal) -> None:
    journal(cost_usd=Decimal(1))
    assert tb.summary(by="model").equals(tb.by("model"))


def test_missing_prices_are_told_where_the_question_was_asked(journal) -> None:
    journal(unpriced="unknown_model")
    with pytest.warns(UnpricedWarning, match="1 of 1 calls") as caught:
        summary("24h")
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("error")
def test_no_warning_where_there_is_nothing_to_tell(journal) -> None:
    journal(status="error", unpriced="no_usage")
    assert tb.summary("24h").loc[0, ["cost_usd", "unpriced", "errors"]].tolist() == [0, 0, 1]  # Failed, not charged.
    journal(cost_usd=Decimal(1))
    tb.summary("24h")
    journal(unpriced="unknown_model")
    assert tb.by("unpriced", "24h", unpriced="unknown_model")["requests"].tolist() == [1]


def test_events_put_first_what_is_looked_at_first(journal) -> None:
    journal(cost_usd=Decimal("0.5"), tags={"feature": "chat"})
    frame = tb.events("24h")
    assert frame.columns[:6].tolist() == ["occurred_at", "provider", "model", "operation", "status", "cost_usd"]
    assert frame.columns[12] == "tag_feature"
    assert frame["cost_usd"].tolist() == [0.5]


def test_a_tag_with_the_name_of_a_keyword(journal) -> None:
    journal(tags={"limit": "x"}, cost_usd=Decimal(1))
    journal(cost_usd=Decimal(1))
    assert tb.summary("24h", **{"tag.limit": "x"})["requests"].item() == 1


def test_levels_are_fractions(journal) -> None:
    with pytest.raises(QueryError, match=r"0\.95 for p95"):
        tb.percentiles(levels=[95])
