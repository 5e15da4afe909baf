"""Keys that replace others."""

import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def project(postgres_url):
    return make_project(postgres_url, "app")


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_both_keys_work_until_the_grace_is_over(server, project, postgres_url, sql):
    owner = make_member(postgres_url, "Olga", role="owner")
    admin = bearer(make_key(postgres_url, project, owner, "admin"))
    old = server.post(f"/api/projects/{project}/keys", json={"name": "job"}, headers=admin).json()
    assert server.get("/api/me", headers=bearer(old["text"])).status_code == 200
    path = f"/api/keys/{old['key']['public_id']}/rotate"
    new = server.post(path, json={"grace_seconds": 3600}, headers=admin).json()
    copied = [new["key"][name] for name in ("name", "project", "scopes", "expires_at")]
    assert copied == ["job", "app", ["ingest"], None]
    for text in (old["text"], new["text"]):
        assert server.get("/api/me", headers=bearer(text)).json()["rights"] == ["ingest"]
    ((soon,),) = sql("SELECT expires_at < now() + interval '61 minutes' FROM api_keys WHERE id = %s", old["key"]["id"])
    assert soon
    again = server.post(path, json={"grace_seconds": 0}, headers=admin)
    assert again.status_code == 201
    assert server.get("/api/me", headers=bearer(old["text"])).status_code == 401
    assert server.post(path, json={}, headers=admin).status_code == 404
    assert [action for (action,) in sql("SELECT action FROM audit ORDER BY id")] == ["key.create"] + ["key.rotate"] * 2


def test_a_request_that_comes_again_makes_no_further_key(server, project, postgres_url, sql):
    owner = make_member(postgres_url, "Olga", role="owner")
    admin = bearer(make_key(postgres_url, project, owner, "admin")) | {"Idempotency-Key": "of today"}
    ((id_,),) = sql("SELECT id FROM api_keys")
    first, second = (server.post(f"/api/keys/{id_}/rotate", json={}, headers=admin).json() for _ in range(2))
    assert first["key"] == second["key"] | {"last_used_at": first["key"]["last_used_at"]}
    assert (first["text"][:6], second["text"]) == ("tb_ak_", None)
    assert sql("SELECT count(*) FROM api_keys") == [(2,)]


def test_nobody_gets_rights_of_others_by_rotating(server, project, postgres_url, sql):
    owner = make_member(postgres_url, "Olga", role="owner")
    make_key(postgres_url, project, owner, "owner's")
    make_key(postgres_url, project, owner, "job", ["ingest"])
    admin = bearer(make_key(postgres_url, project, make_member(postgres_url, "Ada", role="admin"), "a", ["admin"]))
    for name in ("owner's", "job"):
        ((id_,),) = sql("SELECT id FROM api_keys WHERE name = %s", name)
        assert server.post(f"/api/keys/{id_}/rotate", json={}, headers=admin).status_code == 403
