"""What a notebook shows is the same, whether the journal answers or a server."""

from datetime import UTC, datetime, timedelta

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import tokenbudget as tb
from tests.parity.local_server.store import make_project, store
from tests.unit.ledger.generate import SPAN_MINUTES, START, events
from tokenbudget.core.errors import AuthError, QueryError, ServerError, ServerUnreachableError
from tokenbudget.core.event import encode
from tokenbudget.journal import Journal
from tokenbudget.notebook import UnpricedWarning

pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore::tokenbudget.notebook.UnpricedWarning")]

PERIODS = [
    "2026",
    "2026-03",
    ("2026-03-08", "2026-04-26"),
    "2026-03-29",
    ("2026-03-08T06:07:08.009Z", "2026-04-26T05:06:07"),
]
RELATIVE = ["24h", "7d", "30d", "90d", "mtd", "qtd", "ytd"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"]
QUESTIONS = {
    "summary": tb.summary,
    "summary by": lambda **asked: tb.summary(by="model", **asked),
    "by tag": lambda **asked: tb.by("feature", limit=2, **asked),
    "by two": lambda **asked: tb.by(["tag.user_id", "status"], **asked),
    "by an odd tag": lambda **asked: tb.by("tag.limit", **asked),
    "by another": lambda **asked: tb.by(["x:y-Z_0.1", "tag.status"], **asked),
    "by member": lambda **asked: tb.by(["member", "api_key"], **asked),
    "timeseries": lambda **asked: tb.timeseries(interval="day", **asked),
    "timeseries by": lambda **asked: tb.timeseries(by=["model", "feature"], limit=1, interval="week", **asked),
    "filtered by odd tags": lambda **asked: tb.by("model", **{"tag.limit": ["a", None], "tag.member": None}, **asked),
    "filtered": lambda **asked: tb.summary(model=["gpt-4o", "other"], feature=None, **asked),
    "percentiles": lambda **asked: tb.percentiles(levels=[0.5, 0.999], **asked),
    "percentiles by": lambda **asked: tb.percentiles(by="model", **asked),
    "exact percentiles": lambda **asked: tb.percentiles(measure="latency_ms", exact=True, **asked),
    "events": lambda **asked: tb.events(limit=None, **asked),
    "some events": lambda **asked: tb.events(limit=7, **asked),
    "filtered events": lambda **asked: tb.events(limit=None, status=["error", "aborted"], user_id=None, **asked),
    "coverage": tb.coverage,
}


TO_NOW = timedelta(days=(datetime.now(UTC) - START - timedelta(minutes=SPAN_MINUTES)).days)
"""Events until now, so that periods which end now have some."""


def answers(backend: str, **asked):
    return {name: ask(backend=backend, **asked) for name, ask in QUESTIONS.items()}


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=st.lists(events(), max_size=40), period=st.sampled_from([*PERIODS, *RELATIVE]), tz=st.sampled_from(ZONES))
def test_journal_and_server_give_the_same_frames(made, period, tz, served, tmp_path_factory) -> None:
    if period in RELATIVE:
        made = [msgspec.structs.replace(event, occurred_at=event.occurred_at + TO_NOW) for event in made]
    project_id, project = make_project(served.database)
    home = tmp_path_factory.mktemp("home")
    journal = Journal(home)
    for event in made:
        journal.append(encode(msgspec.structs.replace(event, project=project)))
    if made:
        store(served.database, project_id, made)
    for backend, assert_equal in (("pandas", pd.testing.assert_frame_equal), ("polars", assert_frame_equal)):
        tb.configure(home=home, url="")
        local = answers(backend, period=period, tz=tz, project=project)
        tb.configure(home=home, url=served.url, api_key=served.api_key)
        remote = answers(backend, period=period, tz=tz, project=project)
        for name in QUESTIONS:
            assert_equal(local[name], remote[name], check_exact=True)


def test_events_are_fetched_page_by_page(served, tmp_path, monkeypatch) -> None:
    from tests.parity.local_server.test_same_answers import FIRST
    from tokenbudget.core.ids import uuid7

    monkeypatch.setattr("tokenbudget.client.client._PAGE", 3)
    project_id, project = make_project(served.database)
    store(served.database, project_id, [msgspec.structs.replace(FIRST, id=uuid7()) for _ in range(8)])
    tb.configure(home=tmp_path, url=served.url, api_key=served.api_key)
    listed = tb.events(period="2026", limit=None, project=project)
    assert len(listed) == listed["id"].nunique() == 8
    assert len(tb.events(period="2026", limit=4, project=project)) == 4


@pytest.mark.parametrize(
    ("url", "key", "error", "says"),
    [
        (None, "tb_ak_00000000000000000000000000000000", AuthError, "does not accept the API key"),
        (None, "", AuthError, "set TOKENBUDGET_API_KEY"),
        ("http://127.0.0.1:1", None, ServerUnreachableError, "tokenbudget up"),
        ("http://127.0.0.1:{port}/nowhere", None, ServerError, "is it a TokenBudget server"),
    ],
)
def test_what_goes_wrong_is_said_with_what_to_do(served, tmp_path, url, key, error, says) -> None:
    port = served.url.rpartition(":")[2]
    tb.configure(
        home=tmp_path, url=(url or served.url).format(port=port), api_key=served.api_key if key is None else key
    )
    with pytest.raises(error, match=says):
        tb.summary()


def test_a_question_the_server_refuses_is_a_query_error(served, tmp_path) -> None:
    tb.configure(home=tmp_path, url=served.url, api_key=served.api_key)
    with pytest.raises(QueryError, match="two different"):
        tb.by(["model", "status", "provider"])


def test_unpriced_calls_are_told_of(served, tmp_path) -> None:
    from tests.parity.local_server.test_same_answers import FIRST

    project_id, project = make_project(served.database)
    store(served.database, project_id, [msgspec.structs.replace(FIRST, cost_usd=None, unpriced="unknown_model")])
    tb.configure(home=tmp_path, url=served.url, api_key=served.api_key)
    with pytest.warns(UnpricedWarning, match="1 of 1 calls"):
        tb.summary(period="2026", project=project)
