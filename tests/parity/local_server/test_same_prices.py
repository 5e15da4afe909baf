"""Coverage and repricing answer the same, whether the journal is asked or a server."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pandas as pd
import pytest

import tokenbudget as tb
from tests.parity.local_server.store import make_project, store
from tests.plugins import accounts
from tokenbudget.core.event import Event, encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Usage
from tokenbudget.journal import Journal

pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore::tokenbudget.notebook.UnpricedWarning")]

START = datetime(2026, 3, 1, tzinfo=UTC)
USAGE = Usage(input_tokens=123_457, output_tokens=7_919, cache_read_tokens=1_000)


def event(number, model, **fields):
    known = {"provider": "openai", "usage": USAGE, "operation": "chat"}
    return Event(id=uuid7(), occurred_at=START + timedelta(hours=number), model=model, **(known | fields))


def recorded():
    """Calls whose recorded prices are wrong, missing, or right for good."""
    yield from (event(n, "gpt-4o-mini-2024-07-18", cost_usd=Decimal("0.5"), price_key="old") for n in range(30))
    yield from (event(n, "gpt-4o", unpriced="unknown_model", batch=bool(n % 2)) for n in range(20))
    yield from (event(n, "gpt-4o", service_tier="priority", cost_usd=Decimal(1), price_key="old") for n in range(5))
    yield from (event(n, "no-such-model", unpriced="unknown_model") for n in range(3))
    yield event(3, "claude-sonnet-4-5", provider="anthropic", unpriced="no_usage", usage=Usage())
    yield event(4, "ours", cost_usd=Decimal("0.25"), price_key="ours")
    bill = msgspec.structs.replace(USAGE, reported_cost_usd=Decimal("0.123"), tools={"web_search": 2})
    yield event(5, "gpt-4o", provider="openrouter", usage=bill, cost_usd=Decimal("0.123"), price_key="reported")
    yield event(6, "claude-sonnet-4-5", provider="anthropic", unpriced="no_price",
                usage=msgspec.structs.replace(USAGE, tools={"web_search": 2}))  # fmt: skip


def questions():
    yield tb.coverage("2026", tz="Asia/Kolkata")
    yield tb.coverage("2026", provider="openai")
    yield tb.reprice("2026-03", tz="Europe/Berlin")
    yield tb.reprice("2026-03-01..2026-03-01", dry_run=False)
    yield tb.summary("2026")
    yield tb.by("model", "2026")
    yield tb.reprice("2026")
    yield tb.reprice("2026", dry_run=False)
    yield tb.timeseries("2026-03", interval="day", by="model")
    yield tb.events("2026", limit=None).sort_values("response_id")
    yield tb.coverage("2026")


def test_journal_and_server_say_the_same_of_prices(served, tmp_path) -> None:
    project_id, project = make_project(served.database)
    made = [msgspec.structs.replace(one, project=project, response_id=f"r{n:03}") for n, one in enumerate(recorded())]
    journal = Journal(tmp_path, sends=lambda: False)
    for one in made:
        journal.append(encode(one))
    journal.close()
    store(served.database, project_id, made)
    own_key = _key_of(served.database, project)
    tb.configure(home=tmp_path, url="")
    local = list(questions())
    tb.configure(home=tmp_path, url=served.url, api_key=own_key)
    for index, (mine, theirs) in enumerate(zip(local, questions(), strict=True)):
        shared = [name for name in mine.columns if name in theirs.columns]
        pd.testing.assert_frame_equal(
            mine[shared].reset_index(drop=True), theirs[shared].reset_index(drop=True), obj=f"question {index}"
        )
    assert local[3]["newly_priced"].sum() > 0
    assert local[7]["changed"].sum() > 0


def _key_of(database: str, project: str) -> str:
    """Make a key that sees this project and no other."""
    project_id, user_id = accounts.make_project(database, project), accounts.make_member(database, project)
    return accounts.make_key(database, project_id, user_id)
