"""The OpenAPI document: what it says of requests and answers is what is sent."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from litestar.routes import HTTPRoute

from tests.unit.ledger.generate import events
from tokenbudget.core.event import encode
from tokenbudget.core.ids import uuid7
from tokenbudget.core.usage import Pass, Usage
from tokenbudget_server.web.openapi_schemas import DecimalSchemas, StructSchemas

pytestmark = pytest.mark.postgres

PROBLEM = "application/problem+json"
ADMIN = {"X-Admin-Key": "the admin's"}
JSON = "application/json"


SIGNING_IN = {"/api/sessions", "/api/sessions/tokens", "/api/invitations/accept"}
SENT_NOTHING = {("/api/sessions/codes", "POST")}
"""What changes something and has neither a body nor parameters."""


@pytest.fixture
def document(client):
    return client.get("/schema/openapi.json").json()


def fits(document, schema, value) -> bool:
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return not list(validator.iter_errors(value))


def test_every_route_has_its_answers_documented(client, document):
    handlers = {
        (route.path_format, method): handler
        for route in client.app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if handler.resolve_include_in_schema()
    }
    operations = {
        (path, method.upper()): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert operations.keys() == handlers.keys()
    for asked, operation in operations.items():
        answers = operation["responses"]
        (done,) = [status for status in answers if status.startswith("2")]
        assert done == "204" or JSON in answers[done]["content"], asked
        assert "503" in answers or asked == ("/health/live", "GET"), asked
        refusals = {status for status in answers if status.startswith("4") and PROBLEM in answers[status]["content"]}
        assert asked[1] == "GET" or "400" in refusals or asked in SENT_NOTHING, asked
        signs_in = asked[1] == "POST" and asked[0] in SIGNING_IN
        assert ("401" in refusals) == signs_in or any("ApiKey" in each for each in operation.get("security", ())), asked
        assert ("{" in asked[0]) <= ("404" in refusals), asked


def test_every_problem_is_documented(client, document):
    page = (Path(__file__).parents[3] / "docs" / "reference" / "problems.md").read_text("utf-8")
    described = {
        status: answer["description"]
        for item in document["paths"].values()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if PROBLEM in answer.get("content", {})
    }
    for kind in client.app.exception_handlers[Exception].types:
        row = f"| {kind.status} | `{kind.uri}` | {kind.title} | {kind.meaning} |"
        assert row in page
        assert row in document["info"]["description"]
        # No route says of itself that it is not there, takes too much at once or fails.
        assert kind.status in (405, 429, 500) or kind.uri in described[str(kind.status)]


rich_usages = st.builds(
    Usage,
    input_tokens=st.none() | st.integers(0, 10**9),
    reasoning_tokens=st.integers(0, 9),
    tools=st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
    units=st.dictionaries(st.text(max_size=3), st.decimals(0, 9, places=3), max_size=2),
    passes=st.lists(st.builds(Pass, usage=st.just(Usage(output_tokens=5)), model=st.none() | st.just("m")), max_size=2),
    reported_cost_usd=st.none() | st.just(Decimal("0.000000000001")),
)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3)
rich_events = st.builds(
    lambda event, usage, metadata: msgspec.structs.replace(event, usage=usage, metadata=metadata, warnings=("w",)),
    events(),
    rich_usages,
    st.dictionaries(st.text(max_size=3), scalars, max_size=3),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=events() | rich_events)
def test_the_schema_accepts_what_the_library_sends(document, event):
    sent = json.loads(encode(event))
    for path, body in (("/v1/events", sent), ("/v1/events/batch", {"events": [sent, sent]})):
        schema = document["paths"][path]["post"]["requestBody"]["content"][JSON]["schema"]
        assert fits(document, schema, body), body


@pytest.mark.parametrize(
    "wrong",
    [{"id": None}, {"status": "fine"}, {"usage": {"input_tokens": "7"}}, {"tags": {"a": 1}}, {"metadata": {"a": []}}],
)
def test_the_schema_refuses_what_the_server_refuses(client, document, make_event, wrong):
    event = make_event(**wrong)
    assert not fits(document, {"$ref": "#/components/schemas/Event"}, event)
    refused = client.post("/v1/events", content=json.dumps(event))
    assert refused.status_code == 400
    content = document["paths"]["/v1/events"]["post"]["responses"]["400"]["content"]
    assert fits(document, content[PROBLEM]["schema"], refused.json())


GETS = {
    "/health": "",
    "/health/live": "",
    "/health/ready": "",
    "/api/keys": "",
    "/api/audit": "",
    "/api/invitations": "",
    "/api/me": "",
    "/api/me/permissions": "",
    "/api/projects": "",
    "/api/sessions": "",
    "/api/teams": "",
    "/api/projects/{project_id}": "",
    "/api/projects/{project_id}/keys": "",
    "/api/projects/{project_id}/members": "",
    "/api/teams/{team_id}": "",
    "/api/teams/{team_id}/members": "",
    "/api/users": "",
    "/api/users/{user_id}": "",
    "/api/events": "?limit=3",
    "/api/price-changes": "",
    "/api/price-overrides": "",
    "/api/waitlist": "",
    "/v1/pricing": "?limit=3",
    **dict.fromkeys(
        (f"/api/analytics/by-{name}" for name in ("feature", "member", "model", "project", "user")), "?limit=2"
    ),
    "/api/analytics/by-tag": "?key=feature&limit=1",
    "/api/analytics/coverage": "",
    "/api/analytics/percentiles": "?by=model&level=0.5",
    "/api/analytics/query": "?by=model&by=feature",
    "/api/analytics/summary": "",
    "/api/analytics/timeseries": "?by=model&interval=day&limit=2",
}


def test_answers_are_what_the_document_says(client, document, post, make_event):
    post(
        *(make_event(tags={"feature": f"f{n}"}, metadata={"n": n, "x": 0.5, "y": None}) for n in range(4)),
        make_event(model="nobody-knows", latency_ms=12.5),
        make_event(status="error", usage={}),
    )
    project = client.get("/api/projects").json()["rows"][0]["id"]
    team = client.get("/api/teams").json()["rows"][0]["id"]
    user = client.get("/api/users").json()["rows"][0]["id"]
    for path, item in document["paths"].items():
        if "get" not in item:
            continue
        asked = path.replace("/api/projects/{project_id}/", "/api/") if "analytics" in path else path
        filled = path.format(project_id=project, team_id=team, user_id=user)
        answer = client.get(filled + GETS[asked], headers=ADMIN)
        assert answer.status_code == 200, answer.text
        assert fits(document, item["get"]["responses"]["200"]["content"][JSON]["schema"], answer.json()), path


def test_receipts_and_repricing_are_what_the_document_says(client, document, make_event):
    def fits_answer(path, answer):
        content = document["paths"][path]["post"]["responses"][str(answer.status_code)]["content"]
        return fits(document, content[answer.headers["content-type"]]["schema"], answer.json())

    batch = {"events": [make_event(), make_event(id="no uuid")]}
    assert fits_answer("/v1/events/batch", client.post("/v1/events/batch", json=batch))
    assert fits_answer("/v1/events/batch", client.post("/v1/events/batch", content=b"nonsense"))
    assert fits_answer("/v1/events", client.post("/v1/events", json=make_event(id=uuid7())))
    assert fits_answer("/api/reprice", client.post("/api/reprice", json={"period": "7d"}))
    compressed = client.post("/v1/events", content=b"x", headers={"Content-Encoding": "br"})
    assert compressed.status_code == 415
    assert fits_answer("/v1/events", compressed)
    del client.headers["Authorization"]
    assert fits_answer("/v1/events", client.post("/v1/events", json=make_event()))


def test_amounts_are_numbers_in_answers_and_may_be_text_in_what_is_sent(document):
    schemas = document["components"]["schemas"]
    answered = schemas["StoredEvent"]["properties"]["cost_usd"]
    assert answered == {"oneOf": [{"type": "number"}, {"type": "null"}]}
    for cost in (0.5, "0.000000000001", None):
        assert fits(document, schemas["Event"]["properties"]["cost_usd"], cost)


def test_plugins_leave_other_types_alone():
    from litestar.typing import FieldDefinition

    for type_ in (int, str, Usage | None):
        field = FieldDefinition.from_annotation(type_)
        assert not StructSchemas().is_plugin_supported_field(field)
        assert not DecimalSchemas().is_plugin_supported_field(field)
