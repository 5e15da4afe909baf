"""The application as a whole: health, and problems."""

import pytest
from litestar.testing import TestClient

from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings
from tokenbudget_server.store import flusher
from tokenbudget_server.web.errors import SettingsError

pytestmark = pytest.mark.postgres


def test_without_a_database_the_server_says_so(tmp_path, key, monkeypatch):
    monkeypatch.setattr(flusher, "ATTEMPTS", 1)
    nowhere = Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/nothing")
    with TestClient(create_app(nowhere), raise_server_exceptions=False) as client:
        assert client.get("/health").status_code == 503
        response = client.get("/api/projects", headers={"Authorization": f"Bearer {key}"})
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert response.headers["retry-after"] == "1"


def test_a_mistake_of_ours_is_a_problem_that_tells_no_secrets(client, monkeypatch):
    monkeypatch.setattr("tokenbudget_server.accounts.routes.list_keys", lambda *_: 1 / 0)
    response = client.get("/api/keys")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "division" not in response.text


def test_an_unknown_path_and_a_wrong_method_are_problems(client):
    for method, path, status in (("GET", "/api/nothing", 404), ("PUT", "/v1/events", 405)):
        response = client.request(method, path)
        assert (response.status_code, response.json()["status"]) == (status, status)
        assert response.headers["content-type"] == "application/problem+json"


def test_a_database_is_needed(tmp_path):
    with pytest.raises(SettingsError, match="TOKENBUDGET_DATABASE_URL is not set"):
        create_app(Settings(home=tmp_path))
