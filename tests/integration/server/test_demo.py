"""The demo project."""

from datetime import UTC, datetime, timedelta

import pytest

from tokenbudget_server.demo import fill
from tokenbudget_server.store.statement import UNPRICED

pytestmark = pytest.mark.postgres


def test_filling_twice_changes_nothing_and_later_adds_what_passed(postgres_url, sql):
    now = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12)  # Soon after midnight a day has no usage yet.
    first = fill(postgres_url, now=now)
    assert 30_000 < first < 60_000
    assert fill(postgres_url, now=now) == first
    ((events, unpriced, days, cost),) = sql(
        f"SELECT count(*), {UNPRICED}, count(DISTINCT occurred_at::date), sum(cost_usd) FROM events"
    )
    assert (events, days) == (first, 90)
    assert 0 < unpriced < events // 20
    assert cost > 100
    assert sql("SELECT sum(requests), sum(unpriced), sum(cost_usd) FROM spend_day") == [(events, unpriced, cost)]
    assert fill(postgres_url, now=now + timedelta(days=2)) > first
    assert sql("SELECT max(occurred_at) <= %s FROM events", now + timedelta(days=2)) == [(True,)]
