"""The journal and the server's Postgres give the same answers to the same events."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.parity.local_server.store import KEY_ID, make_project, store
from tests.unit.ledger.generate import events
from tokenbudget import analytics
from tokenbudget.analytics import quantiles
from tokenbudget.analytics.coverage import coverage
from tokenbudget.core.event import Event, encode
from tokenbudget.core.period import parse
from tokenbudget.core.query import INTERVALS, Query
from tokenbudget.core.usage import TOKEN_FIELDS, Usage
from tokenbudget.journal import Journal
from tokenbudget.ledger.local import LocalSource
from tokenbudget.pricing import default
from tokenbudget_server.ledger import Days, PostgresLedger
from tokenbudget_server.ledger import queries as ledger_queries
from tokenbudget_server.ledger.known_days import KnownDays
from tokenbudget_server.web.errors import StoreUnavailableError

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 4, 20, 9, 41, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"]
PERIODS = ["24h", "7d", "30d", "90d", "mtd", "qtd", "ytd", "2026-03", "2026-03-08..2026-04-26"]
FILTERS = [
    {},
    {"model": ("gpt-4o", "other")},
    {"feature": ("",), "status": ("ok", "aborted")},
    {"tag.limit": ("", "a"), "x:y-Z_0.1": ("",)},
    {"member": ("",)},
]

queries = st.builds(
    lambda text, tz, by, limit, interval, filters: Query(
        period=parse(text, NOW, tz), by=by, limit=limit, interval=interval, filters=filters
    ),
    st.sampled_from(PERIODS),
    st.sampled_from(ZONES),
    st.sampled_from(
        [("model",), ("feature",), ("user_id", "status"), ("project",), ("tag.status",), ("member", "model")]
    ),
    st.none() | st.integers(1, 3),
    st.sampled_from(INTERVALS[1:]),
    st.sampled_from(FILTERS),
)
with_a_database = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # Shrinking takes minutes where every example writes to disk.
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def journaled(home, made, project):
    journal = Journal(home)
    for event in made:
        journal.append(encode(msgspec.structs.replace(event, project=project)))
    return LocalSource(home)


def assert_same_answers(local, server, query) -> None:
    for ask in (analytics.by, analytics.timeseries, analytics.percentiles):
        assert_frame_equal(ask(local, query), ask(server, query), check_exact=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantiles, "EXACT_UP_TO", -1)
        of_histograms = analytics.percentiles(server, query)
        assert not of_histograms["exact"].any()
        assert_frame_equal(analytics.percentiles(local, query), of_histograms, check_exact=True)
    whole = msgspec.structs.replace(query, by=(), limit=None)
    assert_frame_equal(analytics.summary(local, whole), analytics.summary(server, whole), check_exact=True)
    unpriced = [coverage(source, whole, default()) for source in (local, server)]
    assert_frame_equal(*unpriced, check_exact=True)
    listed = analytics.events(server, whole).drop("project_id", "api_key_id")
    assert_frame_equal(analytics.events(local, whole), listed, check_exact=True)


@with_a_database
@given(made=st.lists(events(), max_size=40), late=st.lists(events(), max_size=5), query=queries)
def test_random_events(made, late, query, postgres_url, tmp_path_factory) -> None:
    project_id, name = make_project(postgres_url)
    local = journaled(tmp_path_factory.mktemp("home"), [*made, *late], name)
    server = PostgresLedger(postgres_url, [project_id], tmp_path_factory.mktemp("ledger"))
    if made:
        store(postgres_url, project_id, made)
    analytics.summary(server, query)  # What is remembered now is stale after the next line.
    if late:
        store(postgres_url, project_id, [*late, *made])
    assert_same_answers(local, server, query)


YEAR = Query(period=parse("ytd", NOW))


def an_event(id_: str, cost: str, day: int = 1) -> Event:
    at = datetime(2026, 3, day, 23, 59, 59, 999999, tzinfo=UTC)
    return Event(id=id_, occurred_at=at, provider="openai", model="gpt-4o", cost_usd=Decimal(cost), tags={"a": "b"})


FIRST = an_event("01960000-0000-7000-8000-000000000001", "1.000000000001")
SECOND = an_event("01960000-0000-7000-8000-000000000002", "0.5", day=2)
_CHANGED = "UPDATE spend_day SET cost_usd = cost_usd + %s, requests = requests + %s, rev = rev + 1 WHERE day = %s"


@pytest.fixture(params=["in memory", "on disk"])
def directory(request, tmp_path):
    return tmp_path / "ledger" if request.param == "on disk" else None


@pytest.fixture
def stored(postgres_url, directory):
    project_id, _ = make_project(postgres_url)
    store(postgres_url, project_id, [FIRST, SECOND])
    server = PostgresLedger(postgres_url, [project_id], directory)
    assert analytics.summary(server, YEAR)["cost_usd"][0] == Decimal("1.500000000001")
    return postgres_url, server


def test_repricing_that_keeps_the_sum_is_seen(stored) -> None:
    url, server = stored
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE events SET model = 'gpt-4o-mini' WHERE id = %s", [FIRST.id])
        connection.execute(_CHANGED, [0, 0, FIRST.occurred_at.date()])
    answer = analytics.by(server, msgspec.structs.replace(YEAR, by=("model",)))
    assert answer["model"].to_list() == ["gpt-4o-mini", "gpt-4o"]


def test_a_deleted_day_is_gone(stored) -> None:
    url, server = stored
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM events WHERE id = %s", [FIRST.id])
        connection.execute("DELETE FROM spend_day WHERE day = %s", [FIRST.occurred_at.date()])
    assert analytics.summary(server, YEAR)["cost_usd"][0] == Decimal("0.5")


def test_a_renamed_project_has_its_new_name(stored) -> None:
    url, server = stored
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE projects SET name = 'new'")
    answer = analytics.by(server, msgspec.structs.replace(YEAR, by=("project",)))
    assert answer["project"].to_list() == ["new"]


def test_days_past_the_memory_are_read_again(stored) -> None:
    url, server = stored
    small = Days(url)
    small._known = KnownDays(1)
    server._days = small
    for _ in range(2):
        assert analytics.summary(server, YEAR)["requests"][0] == 2
        assert small._known._bytes == 0
    small.close()


def test_unchanged_days_are_not_read_again(stored, monkeypatch) -> None:
    _, server = stored
    monkeypatch.setattr(ledger_queries, "_EVENTS", "SELECT 'this is not asked'")
    assert analytics.summary(server, YEAR)["requests"][0] == 2


def test_a_connection_that_was_cut_is_made_again(stored) -> None:
    url, server = stored
    with psycopg.connect(url) as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
        connection.execute(cut, [connection.info.backend_pid])
    assert analytics.summary(server, YEAR)["requests"][0] == 2


def test_no_transaction_stays_open(stored) -> None:
    url, _ = stored
    with psycopg.connect(url) as connection:
        idle = connection.execute("SELECT state FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    assert ("idle in transaction",) not in idle


def test_other_projects_are_not_seen(stored) -> None:
    url, _ = stored
    assert analytics.summary(PostgresLedger(url, [999]), YEAR)["requests"][0] == 0
    assert analytics.summary(PostgresLedger(url, []), YEAR)["requests"][0] == 0


def test_a_database_that_is_gone_is_said_to_be() -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be read"):
        analytics.summary(PostgresLedger("postgresql://127.0.0.1:1/nothing", [1]), YEAR)


def test_what_the_columns_do_not_hold_comes_back(postgres_url) -> None:
    project_id, _ = make_project(postgres_url)
    usage = Usage(input_tokens=9, output_tokens=8, cache_write_tokens=7, cache_write_1h_tokens=6, citation_tokens=5)
    store(postgres_url, project_id, [msgspec.structs.replace(FIRST, usage=usage)])
    row = analytics.events(PostgresLedger(postgres_url, [project_id]), YEAR).row(0, named=True)
    assert {name: row[name] for name in TOKEN_FIELDS} == {name: getattr(usage, name) for name in TOKEN_FIELDS}
    assert (row["api_key_id"], row["project_id"], row["tag_a"]) == (KEY_ID, project_id, "b")
