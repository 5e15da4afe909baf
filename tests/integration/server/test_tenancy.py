"""Organisations that share a server: who sees what, and that nobody sees another's."""

from itertools import product

import psycopg
import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import authentication
from tokenbudget_server.accounts.principal import Principal, Role, Session
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

EVERYTHING = ["ingest", "import", "read", "admin"]
PROJECTS = {"home": "blue", "lab": "blue", "shop": "red"}


@pytest.fixture
def projects(postgres_url):
    """Two teams with three projects and a demo, and a stranger's project; return their ids by name."""
    made = {name: make_project(postgres_url, name, team=team) for name, team in PROJECTS.items()}
    made["demo"] = make_project(postgres_url, "demo", team="blue", is_demo=True)
    made["theirs"] = make_project(postgres_url, "theirs", organisation="strangers")
    return made


@pytest.fixture
def join(sql):
    """Make a user a member of a team."""

    def join(user_id, team, role="member"):
        sql(
            "INSERT INTO team_memberships (organisation_id, user_id, team_id, role)"
            " SELECT organisation_id, %s, id, %s FROM teams WHERE name = %s",
            *(user_id, role, team),
        )

    return join


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def names(answer):
    assert answer.status_code == 200, answer.text
    return [project["name"] for project in answer.json()["rows"]]


@pytest.mark.parametrize(
    ("role", "team", "scopes", "seen"),
    [
        ("owner", None, EVERYTHING, ["home", "lab", "shop"]),
        ("admin", None, EVERYTHING, ["home", "lab", "shop"]),
        ("member", None, EVERYTHING, ["home"]),
        ("viewer", None, EVERYTHING, ["home"]),
        ("member", "blue", EVERYTHING, ["home", "lab"]),
        ("viewer", "red", EVERYTHING, ["home", "shop"]),
        # A key that does not act for its user is held to its project.
        ("owner", None, ["ingest", "read"], ["home"]),
        ("member", "blue", ["read"], ["home"]),
    ],
)
def test_what_a_key_sees(server, postgres_url, projects, join, role, team, scopes, seen):
    user = make_member(postgres_url, "Ada", role=role)
    if team:
        join(user, team)
    headers = bearer(make_key(postgres_url, projects["home"], user, scopes=scopes))
    assert names(server.get("/api/projects", headers=headers)) == seen
    for name, id_ in projects.items():
        answer = server.get(f"/api/projects/{id_}/analytics/summary", headers=headers)
        assert answer.status_code == (200 if name in seen else 404), name


@pytest.mark.parametrize(
    ("team", "seen"), [("blue", ["home", "lab"]), ("red", ["shop"]), (None, ["home", "lab", "shop"])]
)
def test_a_key_without_a_project_is_held_to_its_team_or_to_what_its_user_sees(
    server, postgres_url, projects, sql, team, seen
):
    user = make_member(postgres_url, "Ada", role="owner")
    key = make_key(postgres_url, projects["home"], user, scopes=["read", "ingest"])
    sql("UPDATE api_keys SET project_id = NULL, team_id = (SELECT id FROM teams WHERE name = %s)", team)
    assert names(server.get("/api/projects", headers=bearer(key))) == seen
    refused = server.post("/v1/events/batch", json={"events": []}, headers=bearer(key))
    assert refused.status_code == 403
    assert "project" in refused.json()["detail"]


def test_who_left_the_organisation_has_no_key_that_works(server, postgres_url, projects, sql, settings):
    user = make_member(postgres_url, "Ada", role="owner")
    headers = bearer(make_key(postgres_url, projects["home"], user))
    assert server.get("/api/projects", headers=headers).status_code == 200
    sql("DELETE FROM memberships")
    with TestClient(create_app(settings)) as other:  # Another process, which does not remember the key.
        assert other.get("/api/projects", headers=headers).status_code == 401


@pytest.fixture
def tenants(server, postgres_url, make_event):
    """Two organisations whose projects, keys and people have the same names; return headers and ids of each."""
    made = []
    for organisation, model in (("ours", "gpt-4o-mini"), ("theirs", "gpt-4o")):
        project = make_project(postgres_url, "app", organisation=organisation)
        owner = make_member(postgres_url, "Ada", email=organisation, role="owner", organisation=organisation)
        headers = bearer(make_key(postgres_url, project, owner, organisation))
        batch = {"events": [make_event(model=model, tags={"feature": f"of {organisation}"}) for _ in range(2)]}
        assert server.post("/v1/events/batch", json=batch, headers=headers).json()["accepted"] == 2
        made.append((headers, project))
    return made


ASKED = {"/api/analytics/by-tag": "?key=feature", "/api/analytics/query": "?by=project&by=feature"}
SHARED = {
    *("/health", "/health/live", "/health/ready"),
    *("/api/waitlist", "/v1/pricing", "/api/price-changes", "/api/price-overrides"),
}
"""What is the installation's, and the same for all."""


def test_no_route_tells_of_another_organisation(server, tenants):
    (ours, _), (_, their_project) = tenants
    our_ids, their_ids = (
        {"project_id": project}
        | {
            name: server.get(path, headers=headers).json()["rows"][0]["id"]
            for name, path in (("team_id", "/api/teams"), ("user_id", "/api/users"))
        }
        for headers, project in tenants
    )
    document = server.get("/schema/openapi.json").json()
    paths = [path for path, item in document["paths"].items() if "get" in item and path not in SHARED]
    assert len(paths) > 20
    for path, accept in product(paths, ("application/json", "application/vnd.apache.arrow.stream")):
        asked = path.replace("/projects/{project_id}", "")
        headers = {**ours, "Accept": accept}
        answer = server.get(path.format(**our_ids) + ASKED.get(asked, ""), headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        # The other's model, feature, key and organisation.
        assert b"theirs" not in answer.content, path
        assert b'"gpt-4o"' not in answer.content, path
        if "{" in path:
            assert server.get(path.format(**their_ids), headers=headers).status_code == 404, path
        elif "analytics" in path or path == "/api/events":
            named = server.get(f"{path}?project_id={their_project}", headers=headers)
            assert named.status_code == 404, path


def test_keys_of_another_organisation_are_not_made_or_revoked(server, tenants, sql):
    (ours, _), (theirs, their_project) = tenants
    ((their_key,),) = sql("SELECT id FROM api_keys WHERE name = 'theirs'")
    made = server.post(f"/api/projects/{their_project}/keys", json={"name": "mine"}, headers=ours)
    assert (made.status_code, made.json()["detail"]) == (404, f"there is no project {their_project}")
    assert server.delete(f"/api/keys/{their_key}", headers=ours).status_code == 404
    assert server.post(f"/api/reprice?project_id={their_project}", json={}, headers=ours).status_code == 404
    assert server.get("/api/projects", headers=theirs).status_code == 200
    assert sql("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == [(2,)]


def test_a_key_makes_none_that_may_do_more(server, postgres_url, projects, sql):
    user = make_member(postgres_url, "Ada", role="owner")
    narrow = bearer(make_key(postgres_url, projects["home"], user, scopes=["admin", "read"]))
    path = f"/api/projects/{projects['home']}/keys"
    for scopes in (["ingest"], ["import", "read"], None):
        refused = server.post(path, json={"name": "wide"} | ({"scopes": scopes} if scopes else {}), headers=narrow)
        assert (refused.status_code, "scope" in refused.json()["detail"]) == (403, True)
    made = server.post(path, json={"name": "k", "scopes": ["read"]}, headers=narrow).json()
    assert names(server.get("/api/projects", headers=bearer(made["text"]))) == ["home"]
    assert sql("SELECT scopes FROM api_keys ORDER BY id") == [(["admin", "read"],), (["read"],)]


def test_repricing_stays_in_the_organisation(server, tenants, sql):
    (ours, _), _ = tenants
    sql("UPDATE events SET cost_usd = 1")
    answer = server.post("/api/reprice", json={"period": "7d", "dry_run": False}, headers=ours)
    assert [row["model"] for row in answer.json()["rows"]] == ["gpt-4o-mini"]
    assert sql("SELECT model, count(*) FROM events WHERE cost_usd = 1 GROUP BY 1") == [("gpt-4o", 2)]


@pytest.mark.parametrize("project", [0, 2**63, 10**30])
def test_a_project_that_cannot_be_is_not_there(server, tenants, project):
    (ours, _), _ = tenants
    assert server.get(f"/api/projects/{project}/analytics/summary", headers=ours).status_code == 404


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO teams (organisation_id, name) SELECT id, 'default' FROM organisations",
        "INSERT INTO projects (organisation_id, team_id, name) SELECT organisation_id, team_id, 'app' FROM projects",
        # What belongs together is of one organisation.
        "UPDATE projects SET team_id = (SELECT max(id) FROM teams)",
        "UPDATE api_keys SET project_id = (SELECT max(id) FROM projects)",
        "UPDATE api_keys SET team_id = (SELECT max(id) FROM teams)",
        "INSERT INTO team_memberships SELECT organisation_id, (SELECT max(id) FROM users), id, 'member' FROM teams",
        "INSERT INTO memberships (organisation_id, user_id, role) SELECT 1, id, 'king' FROM users",
    ],
)
def test_the_schema_keeps_organisations_apart(tenants, sql, statement):
    with pytest.raises(psycopg.IntegrityError):
        sql(statement)


def test_a_session_is_another_credential_of_the_same_principal(server, postgres_url, projects, join, monkeypatch, sql):
    user = make_member(postgres_url, "Ada")
    join(user, "red")
    ((organisation,),) = sql("SELECT id FROM organisations WHERE name = 'default'")
    ((team,),) = sql("SELECT id FROM teams WHERE name = 'red'")

    async def by_session(request, accounts):
        if "session" not in request.cookies:
            return None
        return Principal(user, organisation, Role.MEMBER, (team,), Session(request.cookies["session"]))

    monkeypatch.setattr(authentication, "CREDENTIALS", (*authentication.CREDENTIALS, by_session))
    assert server.get("/api/projects").status_code == 401
    cookie = {"Cookie": "session=s1"}
    assert names(server.get("/api/projects", headers=cookie)) == ["shop"]
    assert server.post("/v1/events/batch", json={"events": []}, headers=cookie).status_code == 403
    made = server.post(f"/api/projects/{projects['shop']}/keys", json={"name": "k"}, headers=cookie)
    assert made.status_code == 201
    assert sql("SELECT user_id FROM api_keys") == [(user,)]
    assert sql("SELECT actor_kind, actor_id, user_id FROM audit") == [("session", "s1", user)]
    # A key that comes along decides, right or wrong.
    assert server.get("/api/projects", headers={**cookie, **bearer("tb_ak_" + "0" * 32)}).status_code == 401


def test_a_known_key_asks_the_database_nothing_to_send_events(client, post, make_event, sql):
    post(make_event())
    for table in ("api_keys", "memberships", "projects"):
        sql(f"ALTER TABLE {table} RENAME TO {table}_gone")
    assert post(make_event())["accepted"] == 1
