"""Invitations: a link makes one member, once, and is no way into another's account."""

import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import passwords
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

PASSWORD = "correct horse battery"


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setattr(passwords, "_ROUNDS", 4)
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def headers_of(postgres_url):
    project = make_project(postgres_url, "home", team="red")

    def headers_of(name, role):
        return {
            "Authorization": f"Bearer {make_key(postgres_url, project, make_member(postgres_url, name, role=role))}"
        }

    return headers_of


@pytest.fixture
def invite(server, headers_of):
    """Invite somebody as the owner, and return the answer's JSON."""
    owner = headers_of("Olga", "owner")

    def invite(email="Ada@Example.org", **fields):
        answer = server.post("/api/invitations", json={"email": email, **fields}, headers=owner)
        assert answer.status_code == 201, answer.text
        return answer.json()

    invite.headers = owner
    return invite


def accept(server, code, password=PASSWORD, name="Ada", **headers):
    body = {"code": code, "name": name, "password": password}
    return server.post("/api/invitations/accept", json=body, headers=headers)


def test_a_link_makes_a_member_once(server, invite, sql):
    ((red,),) = sql("SELECT id FROM teams")
    made = invite(role="viewer", team_id=red, team_role="admin")
    assert made["link"].endswith(f"/#invitation={made['code']}")
    assert made["code"] not in str(sql("SELECT * FROM invitations")) + str(sql("SELECT * FROM audit"))
    answer = accept(server, made["code"])
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert server.get("/api/me").json()["email"] == "ada@example.org"
    server.cookies.clear()
    assert sql("SELECT role FROM team_memberships") == [("admin",)]
    assert accept(server, made["code"]).status_code == 401
    signed_in = server.post("/api/sessions", json={"email": "ada@example.org", "password": PASSWORD})
    assert signed_in.status_code == 201
    actions = [action for (action,) in sql("SELECT action FROM audit ORDER BY id")]
    assert actions == ["invitation.create", "invitation.accept", "session.begin", "session.begin"]


def test_invitations_are_listed_and_revoked(server, invite, sql):
    first, second = invite(), invite("max@example.org")
    path = f"/api/invitations/{first['invitation']['id']}"
    assert server.delete(path, headers=invite.headers).status_code == 204
    assert server.delete(path, headers=invite.headers).status_code == 404
    listed = server.get("/api/invitations", headers=invite.headers).json()["rows"]
    assert listed == [second["invitation"]]
    sql("UPDATE invitations SET expires_at = now()")
    assert server.get("/api/invitations", headers=invite.headers).json()["rows"] == []
    for code in (first["code"], second["code"], "made up"):
        assert accept(server, code).status_code == 401
    assert sql("SELECT count(*) FROM users") == [(1,)]


def test_what_cannot_be_accepted_uses_no_invitation_up(server, invite):
    code = invite()["code"]
    assert accept(server, code, password="short").status_code == 400
    assert accept(server, code, Origin="https://evil.example").status_code == 403
    assert accept(server, code).status_code == 201


def test_an_account_that_is_there_is_not_taken_over(server, invite, postgres_url, sql):
    eve = make_member(postgres_url, "Eve", email="eve@example.org", organisation="others")
    code = invite("eve@example.org")["code"]
    assert accept(server, code).status_code == 409
    sql("UPDATE users SET password_hash = %s WHERE id = %s", passwords.hash_password(PASSWORD), eve)
    assert accept(server, code, password="another one it is").status_code == 401
    assert accept(server, code, name="Mallory").status_code == 201
    assert sql("SELECT name FROM users WHERE id = %s", eve) == [("Eve",)]
    assert sql("SELECT count(*) FROM memberships WHERE user_id = %s", eve) == [(2,)]


def test_who_invites_is_a_manager_still(server, invite, headers_of, sql):
    admin = headers_of("Ben", "admin")
    asked = {"email": "new@example.org"}
    assert server.post("/api/invitations", json=asked | {"role": "owner"}, headers=admin).status_code == 403
    assert server.post("/api/invitations", json={"email": "Ben@example.org"}, headers=admin).status_code == 409
    code = server.post("/api/invitations", json=asked, headers=admin).json()["code"]
    ((ben,),) = sql("SELECT id FROM users WHERE name = 'Ben'")
    assert server.patch(f"/api/users/{ben}", json={"role": "member"}, headers=invite.headers).status_code == 200
    assert accept(server, code).status_code == 401
    assert server.get("/api/invitations", headers=headers_of("Max", "member")).status_code == 403
