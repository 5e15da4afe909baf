"""The table of docs/reference/routes.md: every route, called by each of its callers."""

from dataclasses import replace
from pathlib import Path

import pytest
from litestar.testing import TestClient

from tests.integration.server.test_authorization import call
from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "routes.md"
NOT_LET_IN = (401, 403)
ASKED_TOO_MUCH = {
    ("POST", "/api/sessions"): "this link was used already",
    ("POST", "/api/sessions/tokens"): "this link was used already",
    ("POST", "/api/invitations/accept"): "this invitation was used",
    ("POST", "/api/projects/{project_id}/keys"): "scope read",
}
"""What is refused for what it asks for, and not for who asks."""
LEAVES = ("DELETE", "/api/keys/self")


def table():
    """Return who may call each route, by method and path."""
    rows = [line.strip("|\n").split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in row] for row in rows)
    return {tuple(route.strip("`").split()): dict(zip(head[2:], cells, strict=True)) for route, _, *cells in rows}


TABLE = table()
CALLERS = list(next(iter(TABLE.values())))


@pytest.fixture
def server(settings):
    offline = replace(settings, price_url="http://127.0.0.1:9/nothing")
    with TestClient(create_app(offline), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def headers_of(postgres_url, settings):
    """Return the headers of a caller, with a new key."""
    project = make_project(postgres_url, "app")

    def headers(caller):
        if caller == "nobody":
            return {}
        if caller == "admin key":
            return {"X-Admin-Key": settings.admin_key}
        scopes = [caller.removeprefix("key: ")] if caller.startswith("key: ") else None
        role = "member" if scopes else caller
        user = make_member(postgres_url, f"{role} of the table", email=f"{role}@table.example.org", role=role)
        return {"Authorization": f"Bearer {make_key(postgres_url, project, user, scopes=scopes)}"}

    headers.project = project
    return headers


def test_every_route_of_the_document_is_in_the_table(server):
    document = server.get("/schema/openapi.json").json()
    assert TABLE.keys() == {(method.upper(), path) for path, item in document["paths"].items() for method in item}


@pytest.mark.parametrize("caller", CALLERS)
def test_each_may_call_what_the_table_says(server, headers_of, caller):
    headers = headers_of(caller)
    wrong = []
    for (method, path), may in sorted(TABLE.items(), key=lambda each: each[0] == LEAVES):  # The key's end comes last.
        answer = call(server, method, path, headers_of.project, headers)
        refused = answer.status_code in NOT_LET_IN
        if refused and (method, path) in ASKED_TOO_MUCH:
            refused = ASKED_TOO_MUCH[method, path] not in answer.json()["detail"]
        if refused == (may[caller] == "✓"):
            wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []
