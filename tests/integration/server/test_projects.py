"""Projects over HTTP: made, changed by who has seen the present state, archived without losing an event."""

import psycopg
import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.app import create_app
from tokenbudget_server.db import migrate

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def owner(postgres_url):
    """Headers of an owner, whose key is for the project home of the team red."""
    project = make_project(postgres_url, "home", team="red")
    return {
        "Authorization": f"Bearer {make_key(postgres_url, project, make_member(postgres_url, 'Olga', role='owner'))}"
    }


@pytest.fixture
def make(server, owner, sql):
    ((red,),) = sql("SELECT id FROM teams")

    def make(name, **fields):
        return server.post("/api/projects", json={"name": name, "team_id": red, **fields}, headers=owner)

    return make


def names(answer):
    return [row["name"] for row in answer.json()["rows"]]


@pytest.mark.parametrize(
    ("name", "slug"), [("Crème brûlée (v2)", "creme-brulee-v2"), ("請求", "project"), ("x" * 80, "x" * 60)]
)
def test_a_slug_is_made_of_the_name_and_had_once(make, name, slug):
    first, second = make(name), make(f"{name} ")
    assert (first.status_code, first.json()["slug"]) == (201, slug)
    assert second.json()["slug"] == f"{slug[:58]}-2"
    assert make("other", slug=slug).status_code == 409
    assert make("other", slug="No Slug").status_code == 400


def test_a_change_is_made_of_what_its_requester_saw(server, owner, make):
    made = make("lab", colour="#aabbcc", description="what we try")
    path = f"/api/projects/{made.json()['id']}"
    seen = server.get(path, headers=owner)
    assert (seen.json(), seen.headers["etag"]) == (made.json(), made.headers["etag"])
    first = server.patch(path, json={"name": "Lab"}, headers=owner | {"If-Match": seen.headers["etag"]})
    assert (first.status_code, first.json()["name"], first.json()["colour"]) == (200, "Lab", "#aabbcc")
    for method, body in (("PATCH", {"json": {"colour": ""}}), ("DELETE", {})):
        late = server.request(method, path, headers=owner | {"If-Match": seen.headers["etag"]}, **body)
        assert (late.status_code, late.json()["type"]) == (412, "/problems/precondition-failed")
    for match in (first.headers["etag"], f'"x", {first.headers["etag"]}', "*", None):
        headers = owner | ({} if match is None else {"If-Match": match})
        assert server.patch(path, json={}, headers=headers).status_code == 200
    assert server.patch(path, json={"name": "home"}, headers=owner).status_code == 409
    assert server.patch(path, json={"colour": "red"}, headers=owner).status_code == 400


@pytest.mark.parametrize(("path", "change"), [("/api/teams", {"name": "x"}), ("/api/users", {"role": "viewer"})])
def test_teams_and_users_are_changed_by_who_saw_them(server, owner, postgres_url, path, change):
    make_member(postgres_url, "Ada")
    one = f"{path}/{server.get(path, headers=owner).json()['rows'][-1]['id']}"
    seen = server.get(one, headers=owner).headers["etag"]
    assert server.patch(one, json=change, headers=owner | {"If-Match": seen}).status_code == 200
    for method, body in (("PATCH", {"json": change}), ("DELETE", {})):
        assert server.request(method, one, headers=owner | {"If-Match": seen}, **body).status_code == 412
    assert server.get(f"{path}/{10**6}", headers=owner).status_code == 404


def test_an_archived_project_is_out_of_lists_and_takes_events(server, owner, sql, make_event):
    ((id_,),) = sql("SELECT id FROM projects")
    path = f"/api/projects/{id_}"
    for _ in range(2):
        assert server.delete(path, headers=owner).status_code == 204
    assert names(server.get("/api/projects", headers=owner)) == []
    assert names(server.get("/api/projects?archived=true", headers=owner)) == ["home"]
    assert server.get(path, headers=owner).json()["archived_at"] is not None
    sent = server.post("/v1/events/batch", json={"events": [make_event()]}, headers=owner)
    assert sent.json()["accepted"] == 1
    assert len(server.get("/api/events", headers=owner).json()["rows"]) == 1
    assert server.patch(path, json={"archived": False}, headers=owner).json()["archived_at"] is None
    assert names(server.get("/api/projects", headers=owner)) == ["home"]
    assert sql("SELECT action FROM audit") == [("project.change",)] * 2


def test_keys_and_members_of_a_project(server, owner, make, sql, postgres_url):
    ada = make_member(postgres_url, "Ada")
    ((red, home),) = sql("SELECT team_id, id FROM projects")
    lab = make("lab").json()["id"]
    for project in (home, lab):
        made = server.post(f"/api/projects/{project}/keys", json={"name": f"of {project}"}, headers=owner)
        assert made.status_code == 201
    assert server.put(f"/api/teams/{red}/members/{ada}", json={"role": "viewer"}, headers=owner).status_code == 204
    assert names(server.get(f"/api/projects/{lab}/keys", headers=owner)) == [f"of {lab}"]
    assert names(server.get(f"/api/projects/{lab}/members?limit=1", headers=owner)) == ["Ada"]


def test_a_project_goes_to_another_team_with_who_sees_it(server, owner, make, sql, postgres_url):
    ada = make_member(postgres_url, "Ada")
    ((home,),) = sql("SELECT id FROM projects")
    headers = {"Authorization": f"Bearer {make_key(postgres_url, home, ada)}"}
    blue = server.post("/api/teams", json={"name": "blue"}, headers=owner).json()["id"]
    assert server.put(f"/api/teams/{blue}/members/{ada}", json={"role": "member"}, headers=owner).status_code == 204
    path = f"/api/projects/{make('lab').json()['id']}"
    assert server.get(path, headers=headers).status_code == 404
    assert server.patch(path, json={"team_id": blue}, headers=owner).json()["team_id"] == blue
    assert server.get(path, headers=headers).status_code == 200
    assert server.patch(path, json={"team_id": 10**6}, headers=owner).status_code == 404


def test_older_projects_get_slugs(empty_postgres_url, upgrade):
    upgrade(empty_postgres_url, "0010")
    with psycopg.connect(empty_postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organisations (name) VALUES ('one'), ('two')")
        connection.execute("INSERT INTO teams (organisation_id, name) SELECT id, 'red' FROM organisations")
        insert = "INSERT INTO projects (organisation_id, team_id, name) SELECT organisation_id, id, %s FROM teams"
        for name in ("App", "app", "a p p"):
            connection.execute(insert, [name])
        migrate(empty_postgres_url)
        slugs = connection.execute("SELECT slug FROM projects ORDER BY organisation_id, id").fetchall()
        assert slugs == [("app",), ("app-2",), ("a-p-p",)] * 2
        connection.execute(insert, ["of an older server"])
