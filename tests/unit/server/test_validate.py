from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tokenbudget.core.event import Event
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget_server.ingest.validate import Bounds, find_fault

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "named",
    [
        # The shortest text of the float that the provider sent.
        {"usage": Usage(reported_cost_usd=Decimal(str(1.4999999999999999e-06)))},
        {"usage": Usage(units={"seconds": Decimal(str(0.1 + 0.2))})},
        {"response_id": "resp_" + "x" * 1000},
    ],
)
def test_what_providers_send_is_taken(named):
    event = Event(id=uuid7(), occurred_at=NOW, provider="openrouter", model="m", **named)
    assert find_fault(event, Bounds.at(NOW, None)) is None
