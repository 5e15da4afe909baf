"""Pages of other origins read nothing, but for those that are allowed to, which send a key of their own."""

import pytest
from litestar import get
from litestar.testing import TestClient

from tests.attacks.test_unwritten_routes import NOWHERE
from tokenbudget_server.app import mount
from tokenbudget_server.web.features import Feature

OURS, OTHERS = "https://costs.example.org", "https://evil.example.org"
ASKS = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
SAID = "access-control-allow-origin"


@get("/api/things", sync_to_thread=False)
def get_things() -> list[str]:
    """List things."""
    return []


def client_of(*origins):
    return TestClient(mount([Feature(name="things", routes=[get_things])], NOWHERE, allowed_origins=origins))


@pytest.mark.parametrize(
    ("allowed", "origin", "may"),
    [
        ((), OURS, False),
        ((OURS,), OURS, True),
        ((OURS,), OTHERS, False),
        ((OURS,), "null", False),
        ((OURS,), OURS + ".evil.org", False),
        ((OURS,), OURS.replace("https", "http"), False),
        ((OURS,), OURS + ":8443", False),
        (("*",), OTHERS, True),
        ((OTHERS, OURS), OURS, True),
    ],
)
def test_who_may_read(allowed, origin, may):
    client = client_of(*allowed)
    for target in ("/api/things", "/api/nothing", "/api/things?a=%00"):
        answer = client.get(target, headers={"Origin": origin})
        assert answer.headers.get(SAID) == (origin if may else None)
        assert ("Origin" in answer.headers.get_list("vary")) == bool(allowed)
        assert "access-control-allow-credentials" not in answer.headers
    asked = client.options("/api/things", headers={"Origin": origin} | ASKS)
    assert (asked.status_code, asked.content) == (204, b"")
    assert (asked.headers.get(SAID), "access-control-allow-methods" in asked.headers) == (origin if may else None, may)
    assert asked.headers["x-content-type-options"] == "nosniff"


def test_what_is_asked_by_no_page_varies_too():
    answer = client_of(OURS).get("/api/things")
    assert (SAID in answer.headers, answer.headers["vary"]) == (False, "Origin")
