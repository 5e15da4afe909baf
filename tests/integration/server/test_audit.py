"""The audit log: a row is there if, and only if, what it tells of was done."""

from dataclasses import replace

import pytest
from litestar.testing import TestClient

from tests.plugins.ports import free_port
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

ADMIN = {"X-Admin-Key": "the admin's own secret"}
OVERRIDE = {"provider": "openai", "model": "mini", "input_per_million": "1.5", "output_per_million": "2", "note": "n"}
ROWS = "SELECT action, actor_kind, target_kind, target_id, before, after FROM audit ORDER BY id"
# All that the acts below change.
STATE = """
SELECT (SELECT json_agg(k ORDER BY id) FROM api_keys k)::text, (SELECT json_agg(o) FROM price_overrides o)::text,
       (SELECT count(*) FROM price_rows), (SELECT json_agg(s) FROM price_state s)::text,
       (SELECT json_agg(e ORDER BY id) FROM events e)::text, (SELECT json_agg(d) FROM spend_day d)::text,
       (SELECT json_agg(w) FROM waitlist w)::text
"""


@pytest.fixture
def settings(settings, publisher):
    return replace(settings, admin_key=ADMIN["X-Admin-Key"], price_url=f"{publisher.url}?token=secret")


@pytest.fixture
def world(client, post, make_event, sql, publisher):
    """A key to be revoked, an event that has the wrong cost, and a price table to be fetched."""
    sql("TRUNCATE price_rows")
    sql(
        "INSERT INTO price_rows (key, provider, mode, prices, source, listed)"
        " VALUES ('mini', 'openai', 'chat', '{\"input_cost_per_token\": 1e-06}', 'at first', true)"
    )
    sql("UPDATE price_state SET version = version + 1")
    publisher.table = {"mini": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06}}
    post(make_event(), make_event())
    sql("UPDATE events SET cost_usd = 7")
    ((project,),) = sql("SELECT id FROM projects")
    ((spare,),) = sql(
        "INSERT INTO api_keys (lookup, hash, name, organisation_id, project_id, user_id)"
        " SELECT '', '!', 'spare', organisation_id, project_id, user_id FROM api_keys RETURNING id"
    )
    return {"project": project, "key": spare}


ACTS = {
    "key.create": ("POST", "/api/projects/{project_id}/keys", {"json": {"name": "notebook"}}),
    "key.revoke": ("DELETE", "/api/keys/{key_id}", {}),
    "price_override.set": ("POST", "/api/admin/price-overrides", {"json": OVERRIDE}),
    "price_override.end": ("DELETE", "/api/admin/price-overrides", {"params": {"provider": "openai", "model": "mini"}}),
    "prices.sync": ("POST", "/api/admin/sync-pricing", {}),
    "events.reprice": ("POST", "/api/reprice", {"json": {"period": "7d", "dry_run": False}}),
    "waitlist.join": ("POST", "/api/waitlist", {"json": {"email": "ada@example.org"}}),
}
ELSEWHERE = {
    ("DELETE", "/api/keys/self"),
    ("POST", "/api/keys/{key_id}/rotate"),
    ("DELETE", "/api/sessions/current"),
    ("DELETE", "/api/sessions/{session_id}"),
    ("POST", "/api/sessions"),
    ("POST", "/api/sessions/codes"),
    ("POST", "/api/sessions/tokens"),
    ("POST", "/api/users"),
    ("POST", "/api/invitations"),
    ("POST", "/api/invitations/accept"),
    ("DELETE", "/api/invitations/{invitation_id}"),
    ("POST", "/api/projects"),
    ("PATCH", "/api/projects/{project_id}"),
    ("DELETE", "/api/projects/{project_id}"),
    ("POST", "/api/teams"),
    ("PATCH", "/api/teams/{team_id}"),
    ("DELETE", "/api/teams/{team_id}"),
    ("PUT", "/api/teams/{team_id}/members/{user_id}"),
    ("DELETE", "/api/teams/{team_id}/members/{user_id}"),
    ("PATCH", "/api/users/{user_id}"),
    ("DELETE", "/api/users/{user_id}"),
    ("PUT", "/api/me/password"),
}
"""Acts whose rows the tests of their own look at."""
SENDING = {"/v1/events", "/v1/events/batch"}
"""Events are data that come in, and tell themselves by which key."""


@pytest.fixture
def act(client, world):
    """Do one of `ACTS`; return the answer."""

    def do(action):
        method, path, content = ACTS[action]
        path = path.format(project_id=world["project"], key_id=world["key"])
        return client.request(method, path, headers=ADMIN, **content)

    return do


def test_every_route_that_changes_something_is_among_the_acts(client):
    paths = client.get("/schema/openapi.json").json()["paths"]
    changing = {(method.upper(), path) for path, item in paths.items() for method in item if method != "get"}
    acts = {(method, path) for method, path, _ in ACTS.values()} | ELSEWHERE
    assert changing == acts | {("POST", path) for path in SENDING}


@pytest.mark.parametrize("action", ACTS)
def test_an_act_leaves_one_row(act, sql, action):
    before = sql(STATE)
    assert act(action).status_code < 300
    assert [row[0] for row in sql(ROWS)] == [action]
    assert sql(STATE) != before


@pytest.mark.parametrize("action", ACTS)
def test_an_act_that_cannot_be_recorded_is_not_done(act, sql, action):
    sql("ALTER TABLE audit ADD CONSTRAINT broken CHECK (false)")
    before = sql(STATE)
    assert act(action).status_code == 500
    assert sql(STATE) == before


@pytest.mark.parametrize(
    ("action", "table"),
    [
        ("key.create", "api_keys"),
        ("key.revoke", "api_keys"),
        ("price_override.set", "price_overrides"),
        ("price_override.end", "price_overrides"),
        ("prices.sync", "price_state"),
        ("events.reprice", "spend_day"),
        ("waitlist.join", "waitlist"),
    ],
)
def test_an_act_that_fails_leaves_no_row(act, sql, action, table):
    # It fails as late as it can: when the transaction is committed.
    sql("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'late'; END $$")
    sql(
        f"CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    before = sql(STATE)
    assert act(action).status_code == 500
    assert (sql(ROWS), sql(STATE)) == ([], before)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/api/projects/999/keys", {"json": {"name": "k"}}, 404),
        ("POST", "/api/projects/{project_id}/keys", {"json": {"name": ""}}, 400),
        ("DELETE", "/api/keys/999", {}, 404),
        ("POST", "/api/admin/price-overrides", {"json": {"provider": "openai", "model": "m"}}, 400),
        ("POST", "/api/reprice", {"json": {"period": "7d"}}, 200),  # Only tells what would change.
    ],
)
def test_what_changes_nothing_leaves_no_row(client, world, sql, method, path, content, status):
    before = sql(STATE)
    answer = client.request(method, path.format(project_id=world["project"]), headers=ADMIN, **content)
    assert (answer.status_code, sql(ROWS), sql(STATE)) == (status, [], before)


def test_a_sync_that_fails_leaves_no_row(settings, sql):
    with TestClient(create_app(replace(settings, price_url=f"http://127.0.0.1:{free_port()}/"))) as client:
        assert client.post("/api/admin/sync-pricing", headers=ADMIN).status_code == 502
    assert sql(ROWS) == []


def test_keys_are_recorded_without_their_secret(act, world, sql, key):
    text = act("key.create").json()["text"]
    for _ in range(2):  # Revoked again, nothing changes.
        assert act("key.revoke").status_code == 204
    made, revoked = sql(ROWS)
    ((public_id, user),) = sql("SELECT public_id, user_id FROM api_keys WHERE name = 'notebook'")
    after = {"name": "notebook", "project_id": world["project"], "user_id": user, "scopes": ["ingest"]}
    after["expires_at"] = None
    assert made == ("key.create", "key", "key", public_id, None, after)
    ((spare, at),) = sql("SELECT public_id, revoked_at FROM api_keys WHERE name = 'spare'")
    assert revoked[:4] == ("key.revoke", "key", "key", spare)
    assert (revoked[4]["revoked_at"], revoked[5]["revoked_at"]) == (None, at.isoformat().replace("+00:00", "Z"))
    ((hash_,),) = sql("SELECT hash FROM api_keys WHERE name = 'notebook'")
    everything = str(sql("SELECT row_to_json(audit)::text FROM audit"))
    for secret in (text, text[6:14], key, hash_):
        assert secret not in everything


def test_who_acted_and_from_where(act, sql):
    act("key.create")
    act("price_override.set")
    ((first, user, organisation),) = sql(
        "SELECT public_id, user_id, organisation_id FROM api_keys WHERE name = 'first key'"
    )
    assert sql("SELECT actor_kind, actor_id, user_id, organisation_id, address FROM audit ORDER BY id") == [
        ("key", first, user, organisation, "testclient"),
        ("admin_key", None, None, None, "testclient"),  # Prices are the installation's.
    ]


def test_prices_are_recorded_as_they_were_and_are(act, sql):
    for action in ("price_override.set", "price_override.end", "prices.sync"):
        act(action)
    set_, ended, synced = sql(ROWS)
    prices = {"input_cost_per_token": "0.0000015", "output_cost_per_token": "0.000002"}
    assert set_[3:5] == ("openai/mini", None)
    assert set_[5]["note"] == "n"
    assert set_[5]["prices"] == prices
    assert (ended[4]["prices"], ended[5]["prices"]) == (prices, {})
    assert "secret" not in synced[3]
    assert synced[5]["raised"] == 1


def test_what_the_server_does_by_itself_is_recorded_too(settings, world, sql):
    with TestClient(create_app(replace(settings, syncs_prices=True))) as client:
        while not sql(ROWS):
            client.get("/health")
    assert [row[:3] for row in sql(ROWS)] == [("prices.sync", "server", "price_table")]


def test_repricing_is_recorded_once_with_what_it_was_asked_for(act, world, sql):
    act("events.reprice")
    assert act("events.reprice").status_code == 200  # Nothing is left to change.
    ((_, _, kind, period, before, after),) = sql(ROWS)
    assert (kind, period, before, after["project_ids"]) == ("period", "7d", None, [world["project"]])
