"""Users of an organisation over HTTP: who makes whom what, and what ends with it."""

import csv
import io
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import passwords
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch):
    monkeypatch.setattr(passwords, "_ROUNDS", 4)
    passwords._nobodys.cache_clear()


@pytest.fixture
def project(postgres_url):
    return make_project(postgres_url, "app")


@pytest.fixture
def headers_of(postgres_url, project):
    """Return the headers of a new member with a role."""

    def make(name, role):
        return {
            "Authorization": f"Bearer {make_key(postgres_url, project, make_member(postgres_url, name, role=role))}"
        }

    return make


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


def sign_in(server, email, password):
    answer = server.post("/api/sessions", json={"email": email, "password": password})
    server.cookies.clear()
    return answer.status_code


def test_a_user_is_made_signs_in_and_is_listed(server, headers_of, sql):
    owner = headers_of("Olga", "owner")
    asked = {"email": " Ada@Example.org", "role": "admin", "password": PASSWORD}
    made = server.post("/api/users", json=asked, headers=owner)
    assert (made.status_code, made.json()["email"], made.json()["name"]) == (201, "ada@example.org", "ada")
    assert sign_in(server, "ada@example.org", PASSWORD) == 201
    first = server.get("/api/users?limit=1", headers=owner).json()
    second = server.get("/api/users", params={"cursor": first["next"]}, headers=owner).json()
    assert [(one["name"], one["role"]) for one in first["rows"] + second["rows"]] == [
        ("Olga", "owner"),
        ("ada", "admin"),
    ]
    assert server.post("/api/users", json=asked | {"password": None}, headers=owner).status_code == 409
    everything = str(sql("SELECT row_to_json(audit)::text FROM audit"))
    assert "user.create" in everything
    assert PASSWORD not in everything


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "has 5 characters, and must have at least 12"),
        ("x" * 73, "has 73 bytes, and bcrypt reads no more than 72"),
        ("ü" * 37, "has 74 bytes"),
        ("correct\0horse battery", "cannot be hashed"),
        ("correct\ud800horse battery", "cannot be hashed"),
    ],
)
def test_what_is_no_password(password, reason):
    with pytest.raises(Exception, match="the password cannot be used") as refused:
        passwords.check_strength(password)
    assert reason in refused.value.errors[0].reason


def test_only_owners_make_owners_and_change_them_and_one_remains(server, headers_of, sql):
    owner, admin, member = (headers_of(name, name) for name in ("owner", "admin", "member"))
    ids = dict(sql("SELECT name, id FROM users"))
    cases = [
        ("POST", "/api/users", {"email": "x@example.org", "role": "owner"}, admin, 403),
        ("PATCH", f"/api/users/{ids['member']}", {"role": "owner"}, admin, 403),
        ("PATCH", f"/api/users/{ids['owner']}", {"role": "viewer"}, admin, 403),
        ("DELETE", f"/api/users/{ids['owner']}", None, admin, 403),
        ("POST", "/api/users", {"email": "x@example.org"}, member, 403),
        ("PATCH", f"/api/users/{ids['owner']}", {"role": "viewer"}, owner, 409),
        ("DELETE", f"/api/users/{ids['owner']}", None, owner, 409),
        ("PATCH", f"/api/users/{ids['member']}", {"role": "owner"}, owner, 200),
        ("PATCH", f"/api/users/{ids['owner']}", {"role": "viewer"}, owner, 200),
    ]
    for method, path, body, headers, status in cases:
        sent = {} if body is None else {"json": body}
        answer = server.request(method, path, headers=headers, **sent)
        assert answer.status_code == status, (method, path, body, answer.text)


@pytest.mark.redis
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_changed_role_is_known_everywhere_at_once(settings, headers_of, redis_url, sql, method, project):
    owner, ada = headers_of("Olga", "owner"), headers_of("Ada", "member")
    ((id_,),) = sql("SELECT id FROM users WHERE name = 'Ada'")
    shared = replace(settings, redis_url=redis_url)
    asked = {"json": {"name": "k"}, "headers": ada}
    with TestClient(create_app(shared)) as one, TestClient(create_app(shared)) as other:
        for server in (one, other):
            assert server.post(f"/api/projects/{project}/keys", **asked).status_code == 201
        sent = {"json": {"role": "viewer"}} if method == "PATCH" else {}
        assert one.request(method, f"/api/users/{id_}", headers=owner, **sent).status_code < 300
        for server in (other, one):
            refused = server.post(f"/api/projects/{project}/keys", **asked)
            assert refused.status_code == (403 if method == "PATCH" else 401)


def test_a_new_password_ends_every_session(server, headers_of, sql):
    owner = headers_of("Olga", "owner")
    assert server.put("/api/me/password", json={"password": PASSWORD}, headers=owner).status_code == 204
    assert sign_in(server, "olga@example.org", PASSWORD) == 201
    for current in ({}, {"current": "another one it is"}):
        refused = server.put("/api/me/password", json={"password": "new " + PASSWORD, **current}, headers=owner)
        assert refused.status_code == 403
    changed = {"password": "new " + PASSWORD, "current": PASSWORD}
    assert server.put("/api/me/password", json=changed, headers=owner).status_code == 204
    assert sql("SELECT count(*) FROM sessions") == [(0,)]
    assert sign_in(server, "olga@example.org", PASSWORD) == 401
    assert sign_in(server, "olga@example.org", "new " + PASSWORD) == 201


def test_a_user_of_another_organisation_keeps_name_and_password(server, headers_of, postgres_url, sql):
    owner = headers_of("Olga", "owner")
    make_member(postgres_url, "Eve", email="eve@example.org", organisation="strangers")
    asked = {"email": "eve@example.org", "name": "Mallory", "password": PASSWORD}
    assert server.post("/api/users", json=asked, headers=owner).status_code == 409
    del asked["password"]
    assert server.post("/api/users", json=asked, headers=owner).json()["name"] == "Eve"
    ((id_,),) = sql("SELECT id FROM users WHERE name = 'Eve'")
    assert server.delete(f"/api/users/{id_}", headers=owner).status_code == 204
    assert server.delete(f"/api/users/{id_}", headers=owner).status_code == 404
    assert sql("SELECT count(*) FROM memberships WHERE user_id = %s", id_) == [(1,)]


def test_the_audit_log_is_read_by_owners_and_admins_of_the_organisation(server, headers_of, postgres_url):
    owner, member = headers_of("Olga", "owner"), headers_of("Max", "member")
    theirs = make_project(postgres_url, "theirs", organisation="strangers")
    stranger = make_member(postgres_url, "Eve", role="owner", organisation="strangers")
    other = {"Authorization": f"Bearer {make_key(postgres_url, theirs, stranger)}"}
    for headers, email in ((owner, "one@example.org"), (owner, "two@example.org"), (other, "three@example.org")):
        assert server.post("/api/users", json={"email": email}, headers=headers).status_code == 201
    first = server.get("/api/audit?limit=1", headers=owner).json()
    second = server.get("/api/audit", params={"cursor": first["next"]}, headers=owner).json()
    acts = [(row["action"], row["after"]["email"]) for row in first["rows"] + second["rows"]]
    assert acts == [("user.create", "two@example.org"), ("user.create", "one@example.org")]
    assert server.get("/api/audit", headers=member).status_code == 403


def test_what_is_refused_is_in_the_audit_log(server, headers_of, sql):
    viewer = headers_of("Vi", "viewer")
    for _ in range(40):
        assert server.post("/api/reprice", json={}, headers=viewer).status_code == 403
    assert server.get("/api/audit", headers=viewer).status_code == 403
    rows = sql("SELECT actor_kind, action, target_id, count(*) FROM audit GROUP BY 1, 2, 3")
    assert [row[:3] for row in rows] == [("key", "request.refuse", "POST /api/reprice")]
    assert 30 <= rows[0][3] < 40  # Nobody fills the log.
    sql("ALTER TABLE audit RENAME TO audit_gone")
    assert server.post("/api/reprice", json={}, headers=viewer).status_code == 403


def test_the_audit_log_is_filtered_and_written_as_csv(server, headers_of, sql):
    owner = headers_of("Olga", "owner")
    for name in ("=1+1", "blue"):
        assert server.post("/api/teams", json={"name": name}, headers=owner).status_code == 201
    ((actor, user),) = sql("SELECT DISTINCT actor_id, user_id FROM audit")
    sql("UPDATE audit SET at = '2026-01-01 00:00+00', target_id = '=cmd()' WHERE after->>'name' = '=1+1'")
    for query, found in (
        (f"actor={actor}", 2),
        (f"actor={user}", 2),
        ("actor=key_0", 0),
        ("action=team.create", 2),
        ("action=team", 0),
        ("target=%3Dcmd()", 1),
        ("since=2026-01-01T00:00:00Z", 2),
        ("since=2026-01-01T00:00:01", 1),
    ):
        assert len(server.get(f"/api/audit?{query}", headers=owner).json()["rows"]) == found, query
    assert server.get("/api/audit?since=yesterday", headers=owner).status_code == 400
    answer = server.get("/api/audit?limit=1", headers=owner | {"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    following = {"cursor": answer.headers["x-next-cursor"]}
    table = server.get("/api/audit", params=following, headers=owner | {"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert (row["action"], row["target_id"], row["before"]) == ("team.create", "'=cmd()", "")
    assert "x-next-cursor" not in table.headers
