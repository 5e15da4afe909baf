"""Every route of the API, called by everyone: what each needs is said of it, and is what it asks for."""

import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts.principal import RIGHTS
from tokenbudget_server.app import create_app
from tokenbudget_server.web.authorization import ADMIN_KEY, ANY_CREDENTIAL, MANAGE, NEEDS, OPEN

pytestmark = pytest.mark.postgres

BODIES = {
    "/api/projects/{project_id}/keys": {"name": "k", "scopes": ["read"]},
    "/api/keys/{key_id}/rotate": {},
    "/api/reprice": {},
    "/api/sessions": {"code": "no such code"},
    "/api/sessions/codes": None,
    "/api/projects": {"name": "new", "team_id": 10**6},
    "/api/teams": {"name": "new"},
    "/api/teams/{team_id}": {"name": "newer"},
    "/api/teams/{team_id}/members/{user_id}": {"role": "viewer"},
    "/api/users": {"email": "new@example.org"},
    "/api/users/{user_id}": {"role": "viewer"},
    "/api/me/password": {"password": "correct horse battery"},
    "/api/waitlist": {"email": "new@example.org"},
    "/v1/events": {},
    "/v1/events/batch": {"events": []},
    "/api/admin/price-overrides": {"provider": "openai", "model": "m"},
    "/api/admin/sync-pricing": {},
}
"""What a route that changes something is sent; a new one fails until it stands here."""
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
    filled = path.format(project_id=project, key_id="key_" + "0" * 32, session_id="ses_0", user_id=10**6, team_id=10**6)
    return server.request(method, filled + QUERIES.get(path, ""), headers=headers or {}, **body)


def test_what_every_route_needs_is_said(routes):
    assert len(routes) > 30
    assert {asked: needs for asked, needs in routes.items() if needs not in NEEDS} == {}


def test_nobody_gets_what_is_not_open(server, routes, project):
    for (method, path), needs in routes.items():
        answer = call(server, method, path, project)
        refused = answer.status_code in (401, 403) and (method, path) != ("POST", "/api/sessions")
        assert refused == (needs != OPEN), (method, path, answer.text)
        assert needs != ADMIN_KEY or answer.status_code == 403, (method, path)


@pytest.mark.parametrize("right", sorted(RIGHTS))
def test_a_key_does_what_it_is_for_and_nothing_else(server, routes, project, postgres_url, right):
    owner = make_member(postgres_url, "Ada", role="owner")
    for (method, path), needs in routes.items():
        headers = {"Authorization": f"Bearer {make_key(postgres_url, project, owner, scopes=[right])}"}
        answer = call(server, method, path, project, headers)
        may = needs in (OPEN, ANY_CREDENTIAL, right) or (needs, right) == (MANAGE, "admin")
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
        assert (answer.status_code == 403) == (method != "GET" or needs == MANAGE), (method, path, answer.text)


def test_permissions_are_what_is_allowed(server, routes, project, postgres_url):
    owner = make_member(postgres_url, "Ada", role="owner")
    for scopes in (["ingest"], ["read"], ["admin"]):
        headers = {"Authorization": f"Bearer {make_key(postgres_url, project, owner, scopes=scopes)}"}
        told = server.get("/api/me/permissions", headers=headers).json()
        allowed = {(one["method"], one["path"]) for one in told if one["allowed"]}
        assert len(told) == len(routes)
        may = {OPEN, ANY_CREDENTIAL, *scopes} | ({MANAGE} if scopes == ["admin"] else set())
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
    for asked in (("GET", "/api/keys"), ("DELETE", f"/api/keys/{another}"), ("GET", "/api/analytics/summary")):
        assert server.request(*asked, headers=headers).status_code == 403
    refused = server.post(f"/api/projects/{project}/keys", json={"name": "back door"}, headers=headers)
    assert refused.json()["detail"].startswith("this needs a key with the scope admin, and yours has ingest")
    assert server.delete("/api/keys/self", headers=headers).status_code == 204
    assert server.get("/api/projects", headers=headers).status_code == 401
    assert sql("SELECT name FROM api_keys WHERE revoked_at IS NULL") == [("admin",)]
    assert sql("SELECT action, actor_id = target_id FROM audit ORDER BY id") == [
        ("key.create", False),
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
