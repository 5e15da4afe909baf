"""Teams over HTTP: who sees what follows at once."""

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
def world(postgres_url):
    """An owner and a member with a key for a project of the team red; return headers of both, and the member's id."""
    project = make_project(postgres_url, "home", team="red")
    owner, ada = (make_member(postgres_url, name, role=role) for name, role in (("Olga", "owner"), ("Ada", "member")))
    headers = [{"Authorization": f"Bearer {make_key(postgres_url, project, user)}"} for user in (owner, ada)]
    return *headers, ada


def names(answer):
    return [row["name"] for row in answer.json()["rows"]]


def test_a_member_sees_the_projects_of_a_team_from_joining_to_leaving(server, world):
    owner, member, ada = world
    team = server.post("/api/teams", json={"name": "blue"}, headers=owner).json()
    made = server.post("/api/projects", json={"name": "lab", "team_id": team["id"]}, headers=owner)
    assert (made.status_code, made.json()["name"]) == (201, "lab")
    assert names(server.get("/api/projects", headers=member)) == ["home"]
    path = f"/api/teams/{team['id']}/members/{ada}"
    for role in ("member", "viewer"):
        assert server.put(path, json={"role": role}, headers=owner).status_code == 204
        assert names(server.get("/api/projects", headers=member)) == ["home", "lab"]
    assert names(server.get("/api/teams", headers=member)) == ["blue"]
    listed = server.get(f"/api/teams/{team['id']}/members", headers=member).json()["rows"]
    assert [(one["name"], one["role"]) for one in listed] == [("Ada", "viewer")]
    assert server.delete(path, headers=owner).status_code == 204
    assert names(server.get("/api/projects", headers=member)) == ["home"]
    assert server.get(f"/api/teams/{team['id']}/members", headers=member).status_code == 404


def test_names_are_taken_once_and_teams_with_projects_stay(server, world, sql):
    owner, member, _ = world
    ((red,),) = sql("SELECT id FROM teams")
    blue = server.post("/api/teams", json={"name": "blue"}, headers=owner).json()["id"]
    cases = [
        ("POST", "/api/teams", {"name": "blue"}, owner, 409),
        ("PATCH", f"/api/teams/{blue}", {"name": "red"}, owner, 409),
        ("PATCH", f"/api/teams/{blue}", {"name": "green"}, member, 403),
        ("PATCH", f"/api/teams/{blue}", {"name": "green"}, owner, 200),
        ("DELETE", f"/api/teams/{red}", None, owner, 409),
        ("DELETE", f"/api/teams/{blue}", None, owner, 204),
        ("DELETE", f"/api/teams/{blue}", None, owner, 404),
        ("POST", "/api/projects", {"name": "home", "team_id": red}, owner, 409),
        ("POST", "/api/projects", {"name": "x", "team_id": blue}, owner, 404),
        ("PUT", f"/api/teams/{red}/members/{10**6}", {"role": "member"}, owner, 404),
    ]
    for method, path, body, headers, status in cases:
        sent = {} if body is None else {"json": body}
        answer = server.request(method, path, headers=headers, **sent)
        assert answer.status_code == status, (method, path, answer.text)
    assert [action for (action,) in sql("SELECT action FROM audit ORDER BY id")] == [
        "team.create",
        "request.refuse",
        "team.rename",
        "team.remove",
    ]
