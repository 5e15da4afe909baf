import gzip

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tokenbudget_server.web.problems import Problems
from tokenbudget_server.web.static_site import make_site

PAGE, SCRIPT = "<!doctype html><title>dashboard</title>", "console.log(1);" * 200


@pytest.fixture
def root(tmp_path):
    (tmp_path / "outside.txt").write_text("top secret")
    root = tmp_path / "web"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text(PAGE)
    (root / "assets" / "app-1a2b.js").write_text(SCRIPT)
    (root / "favicon.svg").write_text("<svg/>")
    return root


@pytest.fixture
def client(root):
    app = Litestar([make_site(root)], exception_handlers={Exception: Problems()}, openapi_config=None)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/models/gpt-4o", "/settings", "/index.html"])
def test_the_page_is_asked_for_again_each_time(client, path):
    response = client.get(path)
    assert (response.text, response.headers["cache-control"]) == (PAGE, "no-cache")
    assert response.headers["content-type"].startswith("text/html")


def test_assets_are_kept_forever_and_compressed(client):
    response = client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert response.text == SCRIPT
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 6, mtime=0))
    plain = client.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert (plain.text, "content-encoding" in plain.headers) == (SCRIPT, False)


def test_other_files_have_their_type(client):
    response = client.get("/favicon.svg")
    assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/svg+xml", "no-cache")


@pytest.mark.parametrize("path", ["/assets/gone-9z.js", "/api/nothing", "/v1/nothing"])
def test_what_is_no_page_is_not_found(client, path):
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path", ["/../outside.txt", "/%2e%2e/outside.txt", "/assets/..%2f..%2foutside.txt", "//etc/passwd"]
)
def test_nothing_outside_of_the_build_is_served(client, path):
    assert "top secret" not in client.get(path).text
    assert "root:" not in client.get(path).text


@pytest.mark.parametrize(("path", "status"), [("/" + "x" * 5000, 200), ("/%00", 200), ("/assets/" + "x" * 5000, 404)])
def test_names_that_no_file_can_have_are_no_mistake_of_the_server(client, path, status):
    assert client.get(path).status_code == status


def test_a_new_build_is_seen(client, root):
    client.get("/")
    (root / "index.html").write_text("<title>new</title>")
    assert client.get("/").text == "<title>new</title>"


def test_without_a_build_the_page_says_what_to_do(client, root):
    (root / "index.html").unlink()
    response = client.get("/")
    assert response.status_code == 200
    assert "npm run build" in response.text
