"""Every route of the API, called by everyone: what each needs is said of it, and is what it asks for."""

import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts.principal import RIGHTS
from tokenbudget_server.app import create_app
from tokenbudget_server.web.authorization import ADMIN_KEY, ANY_CREDENTIAL, MANAGE, MANAGE_TEAM, NEEDS, OPEN

pytestmark = pytest.mark.postgres

BODIES = {
    "/api/projects/{project_id}/keys": {"name": "k", "scopes": ["read"]},
    "/api/keys/{key_id}/rotate": {},
    "/api/reprice": {},
    "/api/sessions": {"code": "no such code"},
    "/api/sessions/tokens": {"code": "no such code"},
    "/api/sessions/codes": None,
    "/api/projects/{project_id}": {"name": "newer"},
    "/api/projects": {"name": "new", "team_id": 10**6},
    "/api/teams": {"name": "new"},
    "/api/teams/{team_id}": {"name": "newer"},
    "/api/teams/{team_id}/members/{user_id}": {"role": "viewer"},
    "/api/users": {"email": "new@example.org"},
    "/api/users/{user_id}": {"role": "viewer"},
    "/api/me/password": {"password": "correct horse battery"},
    "/api/invitations": {"email": "another@example.org"},
    "/api/invitations/accept": {"code": "no such code", "name": "n", "password": "correct horse battery"},
    "/api/waitlist": {"email": "new@example.org"},
    "/v1/events": {},
    "/v1/events/batch": {"events": []},
    "/api/admin/price-overrides": {"provider": "openai", "model": "m"},
    "/api/admin/sync-pricing": {},
}
"""What a route that changes something is sent; a new one fails until it stands here."""
NOTHING = {
    "key_id": "key_" + "0" * 32,
    "session_id": "ses_0",
    "invitation_id": "inv_0",
    "user_id": 10**6,
    "team_id": 10**6,
}
"""Names what is not there."""
OF_A_TEAM = {
    "/api/projects",
    "/api/projects/{project_id}",
    "/api/projects/{project_id}/keys",
    "/api/teams/{team_id}/members/{user_id}",
    "/api/reprice",
    "/v1/events/batch",
}
"""What is changed below them is of one team."""
QUERIES = {
    "/api/analytics/by-tag": "?key=feature",
    "/api/analytics/query": "?by=model",
    "/api/admin/price-overrides": "?provider=openai&model=m",
}


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def routes(server):
    """Return what each route of the document needs, by method and path."""
    handlers = {
        (method, route.path_format): handler
        for route in server.app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if handler.resolve_include_in_schema()
    }
    document = server.get("/schema/openapi.json").json()
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert documented == handlers.keys()
    return {asked: handler.opt.get("needs") for asked, handler in handlers.items()}


@pytest.fixture
def project(postgres_url):
    return make_project(postgres_url, "app")


def call(server, method, path, project, headers=None):
    body = {"json": BODIES[path]} if method in ("POST", "PUT", "PATCH") else {}
    url = path.format(**NOTHING, project_id=project) + QUERIES.get(path, "")
    return server.request(method, url, headers=headers or {}, **body)


def test_what_every_route_needs_is_said(routes):
    assert len(routes) > 30
    assert {asked: needs for asked, needs in routes.items() if needs not in NEEDS} == {}


def test_nobody_gets_what_is_not_open(server, routes, project):
    for (method, path), needs in routes.items():
        answer = call(server, method, path, project)
        by_proof = method == "POST" and path in ("/api/sessions", "/api/sessions/tokens", "/api/invitations/accept")
        refused = answer.status_code in (401, 403) and not by_proof
        assert refused == (needs != OPEN), (method, path, answer.text)
        assert needs != ADMIN_KEY or answer.status_code == 403, (method, path)


@pytest.mark.parametrize("right", sorted(RIGHTS))
def test_a_key_does_what_it_is_for_and_nothing_else(server, routes, project, postgres_url, right):
    owner = make_member(postgres_url, "Ada", role="owner")
    for (method, path), needs in routes.items():
        headers = {"Authorization": f"Bearer {make_key(postgres_url, project, owner, scopes=[right])}"}
        answer = call(server, method, path, project, headers)
        may = needs in (OPEN, ANY_CREDENTIAL, right) or (right == "admin" and needs in (MANAGE, MANAGE_TEAM))
        if (method, path, right) == ("POST", "/api/projects/{project_id}/keys", "admin"):
            assert "scope read" in answer.json()["detail"]  # It is asked for a key that may do what this may not.
            continue
        assert (answer.status_code == 403) != may, (method, path, answer.text)
        assert answer.status_code < 500, (method, path, answer.text)


def test_a_viewer_writes_nothing(server, routes, project, postgres_url):
    viewer = make_member(postgres_url, "Vi", role="viewer")
    headers = {"Authorization": f"Bearer {make_key(postgres_url, project, viewer)}"}
    for (method, path), needs in routes.items():
        if needs in (OPEN, ANY_CREDENTIAL, ADMIN_KEY):
            continue
        answer = call(server, method, path, project, headers)
        assert (answer.status_code == 403) == (method != "GET" or needs in (MANAGE, MANAGE_TEAM)), (
            method,
            path,
            answer.text,
        )


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
def test_a_role_in_a_team_is_one_for_what_the_team_has(server, routes, postgres_url, sql, role):
    ours, theirs = (make_project(postgres_url, name, team=team) for name, team in (("home", "red"), ("lab", "blue")))
    ada, max_ = (make_member(postgres_url, name) for name in ("Ada", "Max"))
    (red, blue) = (sql("SELECT id FROM teams WHERE name = %s", team)[0][0] for team in ("red", "blue"))
    join = "INSERT INTO team_memberships SELECT organisation_id, %s, id, %s FROM teams WHERE id = %s"
    sql(join, ada, role, red)
    sql(join, ada, "viewer", blue)
    headers = {"Authorization": f"Bearer {make_key(postgres_url, ours, ada)}"}
    ids = {"project_id": ours, "team_id": red, "user_id": max_}
    bodies = {**BODIES, "/api/projects": {"name": "new", "team_id": red}}
    for (method, path), needs in routes.items():
        if needs in (OPEN, ANY_CREDENTIAL, ADMIN_KEY) or path in ("/v1/events", "/api/me/password"):
            continue
        sent = {"json": bodies[path]} if method in ("POST", "PUT", "PATCH") else {}
        filled = NOTHING | ids
        url = path.format(**filled) + QUERIES.get(path, "")
        answer = server.request(method, url, headers=headers, **sent)
        of_team = path in OF_A_TEAM and method != "GET"
        refused = needs == MANAGE or (
            role not in ("owner", "admin") if needs == MANAGE_TEAM else of_team and role == "viewer"
        )
        assert (answer.status_code == 403) == refused, (method, path, answer.text)
        if of_team:  # In the other team, Ada sees what there is, and changes nothing.
            other = path.format(**filled | {"project_id": theirs, "team_id": blue})
            sent = {"json": bodies[path] | {"team_id": blue}} if path == "/api/projects" else sent
            other += f"?project_id={theirs}" if path == "/api/reprice" else ""
            if path != "/v1/events/batch":  # It goes to the project of the key.
                assert server.request(method, other, headers=headers, **sent).status_code == 403, (method, path)


@pytest.mark.parametrize(("role", "may"), [("owner", True), ("admin", False)])
def test_an_admin_of_a_team_makes_no_owners_of_it(server, postgres_url, sql, role, may):
    home = make_project(postgres_url, "home", team="red")
    ada, max_ = (make_member(postgres_url, name) for name in ("Ada", "Max"))
    sql("INSERT INTO team_memberships SELECT organisation_id, %s, id, %s FROM teams", ada, role)
    ((red,),) = sql("SELECT id FROM teams")
    headers, path = {"Authorization": f"Bearer {make_key(postgres_url, home, ada)}"}, f"/api/teams/{red}/members/{max_}"
    assert server.put(path, json={"role": "admin"}, headers=headers).status_code == 204
    for _ in range(2):
        answer = server.put(path, json={"role": "owner"}, headers=headers)
        assert answer.status_code == (204 if may else 403)
    sql("UPDATE team_memberships SET role = 'owner' WHERE user_id = %s", max_)
    assert server.delete(path, headers=headers).status_code == (204 if may else 403)


def test_who_manages_a_team_manages_its_keys(server, postgres_url, sql):
    home, lab = (make_project(postgres_url, name, team=team) for name, team in (("home", "red"), ("lab", "blue")))
    ada, olga = make_member(postgres_url, "Ada"), make_member(postgres_url, "Olga", role="owner")
    headers = {"Authorization": f"Bearer {make_key(postgres_url, home, ada, 'own')}"}
    make_key(postgres_url, home, olga, "of red", ["ingest"])
    make_key(postgres_url, lab, olga, "of blue", ["ingest"])
    sql(
        "INSERT INTO team_memberships"
        " SELECT organisation_id, %s, id, CASE name WHEN 'red' THEN 'admin' ELSE 'viewer' END FROM teams",
        ada,
    )
    listed = server.get("/api/keys", headers=headers).json()["rows"]
    assert [key["name"] for key in listed] == ["of red", "own"]
    ids = dict(sql("SELECT name, public_id FROM api_keys"))
    assert server.delete(f"/api/keys/{ids['of blue']}", headers=headers).status_code == 404
    assert server.post(f"/api/keys/{ids['of red']}/rotate", json={}, headers=headers).status_code == 201
    assert server.delete(f"/api/keys/{ids['of red']}", headers=headers).status_code == 204


def test_permissions_are_what_is_allowed(server, routes, project, postgres_url):
    owner = make_member(postgres_url, "Ada", role="owner")
    for scopes in (["ingest"], ["read"], ["admin"]):
        headers = {"Authorization": f"Bearer {make_key(postgres_url, project, owner, scopes=scopes)}"}
        told = server.get("/api/me/permissions", headers=headers).json()
        allowed = {(one["method"], one["path"]) for one in told if one["allowed"]}
        assert len(told) == len(routes)
        may = {OPEN, ANY_CREDENTIAL, *scopes} | ({MANAGE, MANAGE_TEAM} if scopes == ["admin"] else set())
        assert allowed == {asked for asked, needs in routes.items() if needs in may}


def test_what_is_of_another_tenant_is_not_there(server, routes, project, postgres_url):
    stranger = make_member(postgres_url, "Eve", role="owner", organisation="strangers")
    theirs = make_project(postgres_url, "theirs", organisation="strangers")
    headers = {"Authorization": f"Bearer {make_key(postgres_url, theirs, stranger)}"}
    named = [asked for asked in routes if "{" in asked[1]]
    assert named
    for method, path in named:
        answer = call(server, method, path, project, headers)
        assert answer.status_code == 404, (method, path, answer.text)


def test_a_key_of_an_application_ends_itself_and_nothing_else(server, project, postgres_url, sql):
    owner = make_member(postgres_url, "Ada", role="owner")
    admin = {"Authorization": f"Bearer {make_key(postgres_url, project, owner, 'admin')}"}
    make_project(postgres_url, "other")
    made = server.post(f"/api/projects/{project}/keys", json={"name": "app"}, headers=admin).json()
    assert made["key"]["scopes"] == ["ingest"]
    headers = {"Authorization": f"Bearer {made['text']}"}
    assert [each["name"] for each in server.get("/api/projects", headers=headers).json()["rows"]] == ["app"]
    ((another,),) = sql("SELECT id FROM api_keys WHERE name = 'admin'")
    assert [each["name"] for each in server.get("/api/keys", headers=headers).json()["rows"]] == ["app"]
    for asked in (("DELETE", f"/api/keys/{another}"), ("GET", "/api/analytics/summary")):
        assert server.request(*asked, headers=headers).status_code == 403
    refused = server.post(f"/api/projects/{project}/keys", json={"name": "back door"}, headers=headers)
    assert refused.json()["detail"].startswith("this needs a key with the scope admin, and yours has ingest")
    assert server.delete("/api/keys/self", headers=headers).status_code == 204
    assert server.get("/api/projects", headers=headers).status_code == 401
    assert sql("SELECT name FROM api_keys WHERE revoked_at IS NULL") == [("admin",)]
    assert sql("SELECT action, actor_id = target_id FROM audit ORDER BY id") == [
        ("key.create", False),
        ("request.refuse", False),
        ("request.refuse", False),
        ("key.revoke", True),
    ]


@pytest.mark.parametrize("when", ["2020-01-01T00:00:00Z", "2027-01-01T00:00:00"])
def test_a_key_ends_at_a_time_to_come_that_says_its_zone(server, project, postgres_url, when):
    headers = {"Authorization": f"Bearer {make_key(postgres_url, project, make_member(postgres_url, 'Ada'))}"}
    refused = server.post(f"/api/projects/{project}/keys", json={"name": "k", "expires_at": when}, headers=headers)
    assert refused.status_code == 400
    assert "expires_at" in str(refused.json()["errors"])


def test_a_key_whose_time_is_over_is_refused_also_where_it_is_remembered(server, project, postgres_url, sql, settings):
    text = make_key(postgres_url, project, make_member(postgres_url, "Ada"))
    headers = {"Authorization": f"Bearer {text}"}
    sql("UPDATE api_keys SET expires_at = now() + interval '0.5 seconds'")
    statuses = set()
    while 401 not in statuses:
        statuses.add(server.get("/api/projects", headers=headers).status_code)
    assert statuses == {200, 401}
    with TestClient(create_app(settings)) as other:
        assert other.get("/api/projects", headers=headers).status_code == 401


def test_when_a_key_was_last_used_is_kept_and_never_goes_back(settings, project, postgres_url, sql):
    headers = {"Authorization": f"Bearer {make_key(postgres_url, project, make_member(postgres_url, 'Ada'))}"}
    used = "SELECT last_used_at, last_used_at > now() - interval '1 minute' FROM api_keys"
    assert sql(used) == [(None, None)]
    with TestClient(create_app(settings)) as server:
        assert server.get("/api/projects", headers=headers).status_code == 200
    ((_, lately),) = sql(used)
    assert lately
    sql("UPDATE api_keys SET last_used_at = now() + interval '1 hour'")
    ((later, _),) = sql(used)
    with TestClient(create_app(settings)) as server:
        assert server.get("/api/projects", headers=headers).status_code == 200
    assert sql(used)[0][0] == later
