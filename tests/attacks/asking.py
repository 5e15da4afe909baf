"""Requests as an attacker writes them, and the routes they are sent to."""

from __future__ import annotations

import http.client
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.plugins.server import ADMIN_KEY
from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings

PROBLEM = "application/problem+json"
JSON = "application/json"
NOTHING = "999999999"
"""An id of nothing, as what there is should stay."""
ARROW = "application/vnd.apache.arrow.stream"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


class Attacker:
    """A client with a valid key, which sends the bytes that it is told to."""

    def __init__(self, project: Any) -> None:
        place = urlsplit(project.url)
        self._place = place.hostname, place.port
        self._headers = project.headers | {"X-Admin-Key": ADMIN_KEY, "Accept": "*/*"}
        self.project = json.loads(self.ask("GET", "/api/projects").body)["rows"][0]["id"]

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; underscores in names of headers are hyphens."""
        given = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(*self._place, timeout=120)
        try:
            connection.request(method, target, body, given)
            answer = connection.getresponse()
            names = [(name.lower(), value) for name, value in answer.getheaders()]
            return Answer(answer.status, dict(names), answer.read())
        finally:
            connection.close()

    def hang_up(self, method: str, target: str, sent: bytes) -> None:
        """Announce a body, send a part of it and go."""
        connection = http.client.HTTPConnection(*self._place, timeout=120)
        connection.putrequest(method, target)
        for name, value in (self._headers | {"Content-Type": JSON, "Content-Length": "1000"}).items():
            connection.putheader(name, value)
        connection.endheaders(sent)
        connection.close()


class Operation(NamedTuple):
    """A method of a path, and what the OpenAPI document says of it."""

    method: str
    path: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def names(self, place: str) -> list[str]:
        return [
            one["name"] for one in self.said.get("parameters", ()) if one["in"] == place and one["name"] != "filters"
        ]

    def target(self, project: int = 1, **values: str) -> str:
        """Return the URL of a project's path and of what the route needs, but for the values given."""
        path = self.path
        for name in self.names("path"):
            nothing = str(project) if name == "project_id" else NOTHING
            path = path.replace(f"{{{name}}}", values.pop(name, nothing))
        needed = {
            one["name"]: "x" for one in self.said.get("parameters", ()) if one["in"] == "query" and one.get("required")
        }
        query = "&".join(f"{name}={value}" for name, value in (needed | values).items())
        return f"{path}?{query}" if query else path

    def fields(self) -> dict[str, Any]:
        """Return the schemas of the fields of the body; of an array, those of what it holds are its own affair."""
        body = self.said.get("requestBody")
        return {} if body is None else properties(body["content"][JSON]["schema"])


@cache
def document() -> dict[str, Any]:
    """Return the server's OpenAPI document."""
    app = create_app(Settings(home=Path(), database_url="postgresql://localhost/unused"))  # Never connected to.
    return json.loads(json.dumps(app.openapi_schema.to_schema()))


def operations() -> list[Operation]:
    return [
        Operation(method.upper(), path, said)
        for path, item in document()["paths"].items()
        for method, said in item.items()
        if path != "/api/keys/self"  # The attacker's key must go on.
    ]


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return properties(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if choices := schema.get("oneOf"):
        return properties(choices[0])
    return schema.get("properties", {})
