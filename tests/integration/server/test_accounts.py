"""Keys and projects over HTTP."""

import asyncio
import base64
from dataclasses import replace

import msgspec
import pytest
from litestar.testing import TestClient
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.accounts import make_key, make_member, make_project
from tests.plugins.ports import free_port
from tokenbudget_server.accounts import keys, service
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.accounts.cache import RedisKeyCache
from tokenbudget_server.app import create_app
from tokenbudget_server.db.installation import installation_id
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.settings import Settings

pytestmark = pytest.mark.postgres

ADMINS = {"name": "k", "scopes": ["admin"]}


@pytest.fixture
def member(client, postgres_url):
    """Return the headers of somebody who is no admin, with a key for a project of their own."""
    theirs = make_project(postgres_url, "theirs")
    return bearer(make_key(postgres_url, theirs, make_member(postgres_url, "Ada"), "ada"))


async def read_installation(url):
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        return await installation_id(engine)
    finally:
        await engine.dispose()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_a_key_is_made_listed_used_and_revoked(client, headers):
    project = client.get("/api/projects").json()["rows"][0]
    asked = {"name": "notebook", "scopes": ["read", "admin"]}
    made = client.post(f"/api/projects/{project['id']}/keys", json=asked).json()
    assert keys.is_key(made["text"])
    key = made["key"]
    assert (key["hint"], key["ending"]) == (made["text"][:14], made["text"][-4:])
    assert (key["created_by"], key["scopes"], key["expires_at"]) == ("admin@localhost", ["admin", "read"], None)
    assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 200
    listed = client.get("/api/keys").json()["rows"]
    assert [key["name"] for key in listed] == ["notebook", "first key"]
    assert made["text"] not in str(listed)
    assert client.delete(f"/api/keys/{made['key']['id']}").status_code == 204
    refused = client.get("/api/keys", headers=bearer(made["text"]))
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert client.get("/api/keys", headers=headers).json()["rows"][0]["revoked_at"]


def test_projects_and_keys_are_paged(client, postgres_url):
    for name in "cab":
        make_project(postgres_url, name)
    project = client.get("/api/projects").json()["rows"][0]["id"]
    for name in ("one", "two"):
        client.post(f"/api/projects/{project}/keys", json={"name": name})
    for path, names in (("projects", ["a", "b", "c", "default"]), ("keys", ["two", "one", "first key"])):
        listed, asked = [], {"limit": 2}
        while asked is not None:
            page = client.get(f"/api/{path}", params=asked).json()
            listed += [row["name"] for row in page["rows"]]
            asked = {"limit": 2, "cursor": page["next"]} if page["next"] else None
        assert listed == names
        assert client.get(f"/api/{path}").json()["next"] is None


def test_a_cursor_made_by_hand_asks_the_database_nothing(client):
    for list_, position in (("projects", ["a\0", 1]), ("projects", ["a", 0]), ("keys", [2**63]), ("keys", [0])):
        parts = msgspec.msgpack.encode((1, list_, position))
        cursor = base64.urlsafe_b64encode(parts).decode().rstrip("=")
        assert client.get(f"/api/{list_}", params={"cursor": cursor}).status_code == 400, position


def test_only_hashes_are_stored(key, client, sql):
    ((lookup, hash_),) = sql("SELECT lookup, hash FROM api_keys")
    assert (lookup, hash_[:4]) == (key[6:14], "$2b$")
    assert key[14:] not in hash_


def test_the_first_key_is_kept_as_long_as_it_works(postgres_url, key, sql):
    assert ensure_first_key(postgres_url, key) == key
    other = ensure_first_key(postgres_url, None)
    assert other != key
    assert ensure_first_key(postgres_url, key) == key
    sql("UPDATE api_keys SET revoked_at = now()")
    assert ensure_first_key(postgres_url, key) != key
    assert sql("SELECT count(*) FROM users") == sql("SELECT count(*) FROM projects") == [(1,)]


def test_a_key_is_verified_once(client, monkeypatch):
    verified = []

    def matches(text, hash_):
        verified.append(hash_)
        return True

    monkeypatch.setattr(service.keys, "matches", matches)
    for _ in range(5):
        assert client.get("/api/projects").status_code == 200
    assert len(verified) == 1


def test_keys_that_begin_alike_are_told_apart(client, key, sql):
    sql(
        "INSERT INTO api_keys (lookup, hash, name, organisation_id, project_id, user_id) "
        "SELECT lookup, %s, 'twin', organisation_id, project_id, user_id FROM api_keys",
        keys.make_key().hash,
    )
    assert client.get("/api/projects").status_code == 200
    assert client.get("/api/projects", headers=bearer(key[:14] + "f" * 24)).status_code == 401


def test_a_member_sees_the_project_of_the_key_alone(client, member, post, make_event):
    post(make_event())
    assert [each["name"] for each in client.get("/api/projects", headers=member).json()["rows"]] == ["theirs"]
    assert [each["name"] for each in client.get("/api/projects").json()["rows"]] == ["default", "theirs"]
    assert client.get("/api/analytics/summary", headers=member).json()["summary"]["requests"] == 0
    assert client.get("/api/events", headers=member).json()["rows"] == []
    ((own,),) = [[each["id"] for each in client.get("/api/projects").json()["rows"] if each["name"] == "default"]]
    assert client.get(f"/api/analytics/summary?project_id={own}", headers=member).status_code == 404
    assert client.post(f"/api/projects/{own}/keys", json={"name": "mine"}, headers=member).status_code == 404


def test_a_member_cannot_revoke_or_see_anothers_key(client, member):
    first = client.get("/api/keys").json()["rows"][-1]
    assert client.delete(f"/api/keys/{first['id']}", headers=member).status_code == 404
    assert [key["name"] for key in client.get("/api/keys", headers=member).json()["rows"]] == ["ada"]
    assert client.get("/api/keys").status_code == 200


def test_demo_numbers_are_shown_only_on_request(settings, headers, client):
    make_project(settings.database, "demo", is_demo=True)
    assert [each["name"] for each in client.get("/api/projects").json()["rows"]] == ["default"]
    shown = Settings(home=settings.home, database_url=settings.database_url, demo=True)
    with TestClient(create_app(shown)) as other:
        assert [each["name"] for each in other.get("/api/projects", headers=headers).json()["rows"]] == [
            "default",
            "demo",
        ]


@pytest.mark.parametrize(
    ("body", "field"), [({}, "name"), ({"name": ""}, "name"), ({"name": "n" * 101}, "name"), ({"name": 7}, "name")]
)
def test_a_bad_request_for_a_key_names_the_field(client, body, field):
    problem = client.post("/api/projects/1/keys", json=body)
    assert (problem.status_code, problem.headers["content-type"]) == (400, "application/problem+json")
    assert field in str(problem.json()["errors"])


@pytest.mark.redis
def test_processes_that_share_redis_forget_a_revoked_key_together(settings, headers, redis_url):
    shared = Settings(home=settings.home, database_url=settings.database_url, redis_url=redis_url)
    with TestClient(create_app(shared)) as one, TestClient(create_app(shared)) as other:
        project = one.get("/api/projects", headers=headers).json()["rows"][0]["id"]
        made = one.post(f"/api/projects/{project}/keys", json=ADMINS, headers=headers).json()
        for client in (one, other, one):
            assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 200
        assert one.delete(f"/api/keys/{made['key']['id']}", headers=headers).status_code == 204
        for client in (other, one):
            assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 401


@pytest.mark.redis
def test_a_revoked_key_is_noted_for_redis_by_the_transaction_that_revokes_it(
    settings, headers, redis_url, monkeypatch, sql
):
    async def killed(*_):
        raise OSError("killed")  # Between the transaction and the call of Redis.

    monkeypatch.setattr(RedisKeyCache, "forget", killed)
    shared = replace(settings, redis_url=redis_url)
    with TestClient(create_app(shared), raise_server_exceptions=False) as client:
        id_ = client.get("/api/keys", headers=headers).json()["rows"][0]["id"]
        assert client.delete(f"/api/keys/{id_}", headers=headers).status_code == 500
    assert sql("SELECT topic, payload FROM outbox") == [("accounts.forget-key", id_)]


@pytest.mark.redis
def test_what_one_process_verified_another_knows(settings, headers, redis_url, monkeypatch):
    shared = Settings(home=settings.home, database_url=settings.database_url, redis_url=redis_url)
    with TestClient(create_app(shared)) as one:
        assert one.get("/api/projects", headers=headers).status_code == 200
    monkeypatch.setattr(service.keys, "matches", lambda _text, _hash: pytest.fail("verified twice"))
    with TestClient(create_app(shared)) as other:
        assert other.get("/api/projects", headers=headers).status_code == 200


@pytest.mark.redis
def test_what_another_version_remembered_is_not_read(settings, headers, key, redis_url, redis_server):
    """Of a rolling update: the other version keeps its entries, under its own names."""
    entry = f"tokenbudget:{asyncio.run(read_installation(settings.database))}:key:{keys.digest(key)}"
    old = b'{"api_key_id":1,"project_id":1,"user_id":1,"is_admin":true}'
    shared = Settings(home=settings.home, database_url=settings.database_url, redis_url=redis_url)
    with redis_server.client() as redis, TestClient(create_app(shared)) as client:
        redis.set(entry, old)
        for _ in range(2):
            assert client.get("/api/projects", headers=headers).status_code == 200
        assert redis.get(entry) == old


def test_without_redis_keys_are_still_known_and_revoked(settings, headers):
    gone = Settings(
        home=settings.home, database_url=settings.database_url, redis_url=f"redis://127.0.0.1:{free_port()}"
    )
    with TestClient(create_app(gone)) as client:
        project = client.get("/api/projects", headers=headers).json()["rows"][0]["id"]
        made = client.post(f"/api/projects/{project}/keys", json=ADMINS, headers=headers).json()
        assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 200
        assert client.delete(f"/api/keys/{made['key']['id']}", headers=headers).status_code == 204
        assert client.get("/api/keys", headers=bearer(made["text"])).status_code == 401


@pytest.mark.parametrize("path", ["/api/projects", "/api/keys"])
def test_a_client_that_states_no_accept_gets_rows_alone_as_ever(client, headers, path):
    page = client.get(path, headers=headers).json()
    del client.headers["accept"]
    bare = client.get(path, headers=headers, params={"limit": 1})
    assert bare.json() == page["rows"][:1]
    assert ("x-next-cursor" in bare.headers) == (len(page["rows"]) > 1)
