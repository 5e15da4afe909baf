"""No script of others, ever: the headers of every answer, HEAD, OPTIONS and Allow, whichever route it is."""

import re

import pytest

from tests.attacks.asking import ARROW, JSON, NOTHING, PROBLEM, operations

pytestmark = pytest.mark.postgres

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "MADEUP")
PAGES = ["/", "/models/gpt-4o", "/schema"]
ELSEWHERE = [
    "/schema/openapi.json",
    "/schema/nothing",
    "/api/nothing",
    "/v1/nothing",
    "/assets/nothing.js",
    "/%00",
    "*",
]
OPERATIONS = operations()
PATHS = sorted({each.path for each in OPERATIONS})
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
CHANGING = {"date", "etag"}


def policy(answer):
    """Return the content security policy: sources by directive."""
    directives = (directive.split() for directive in answer.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in directives}


def check(answer):
    assert answer.headers.items() >= EVERYWHERE.items(), answer
    assert answer.headers["cache-control"], answer
    assert "strict-transport-security" not in answer.headers
    rules = policy(answer)
    assert rules["frame-ancestors"] == ["'none'"]
    scripts = rules.get("script-src", rules["default-src"])
    assert scripts == (["'self'"] if answer.media_type == "text/html" else ["'none'"]), answer
    assert answer.status < 400 or answer.media_type in (PROBLEM, "text/html") or not answer.body


@pytest.mark.parametrize("path", [*PATHS, *PAGES, *ELSEWHERE])
def test_every_answer_of_every_route(attacker, path):
    target = path.replace("{project_id}", str(attacker.project)).replace("{key_id}", NOTHING)
    other = {"Authorization": "Bearer none"} if path == "/api/keys/self" else {}  # The attacker's key must go on.
    answers = {method: attacker.ask(method, target, **other) for method in METHODS}
    for answer in answers.values():
        check(answer)
    # What Allow names is what is taken, and it is named whenever something else is refused.
    refused = {method for method, answer in answers.items() if answer.status == 405}
    allowed = {
        answers[method].headers["allow"] for method in {*refused, "OPTIONS"} if "allow" in answers[method].headers
    }
    assert all("allow" in answers[method].headers for method in refused)
    if refused:
        assert [set(each.split(", ")) for each in allowed] == [set(METHODS) - refused]
    assert (answers["OPTIONS"].status, answers["OPTIONS"].body) == (204, b"") or answers["OPTIONS"].status in (400, 404)


@pytest.mark.parametrize("path", [*(each.path for each in OPERATIONS if each.method == "GET"), *PAGES, *ELSEWHERE[:-1]])
@pytest.mark.parametrize("accept", ["*/*", ARROW])
def test_head_is_get_without_a_body(attacker, path, accept):
    target = path.replace("{project_id}", str(attacker.project)) + ("?key=x&period=1d" if "analytics" in path else "")
    get, head = (attacker.ask(method, target, Accept=accept, Accept_Encoding="gzip") for method in ("GET", "HEAD"))
    assert head.body == b""
    assert head.status == get.status
    # How long a stream will be is not known, and sums may have a new name after a minute.
    for name in CHANGING | ({"transfer-encoding", "content-length"} if "transfer-encoding" in get.headers else set()):
        get.headers.pop(name, None), head.headers.pop(name, None)
    assert head.headers == get.headers


def test_secrets_are_kept_by_no_cache_and_answers_to_questions_by_none_but_the_browsers(attacker):
    made = attacker.ask("POST", f"/api/projects/{attacker.project}/keys", b'{"name": "n"}', Content_Type=JSON)
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    assert attacker.ask("GET", "/api/keys").headers["cache-control"] == "no-store"
    assert attacker.ask("GET", "/api/keys", Authorization="").headers["cache-control"] == "no-store"
    asked = attacker.ask("GET", "/api/analytics/summary?period=2026-10")
    assert asked.headers["cache-control"] == "private, no-cache"
    again = attacker.ask("GET", "/api/analytics/summary?period=2026-10", If_None_Match=asked.headers["etag"])
    assert (again.status, again.headers["cache-control"]) == (304, "private, no-cache")


def test_a_frame_says_that_it_is_one(attacker):
    for target in ("/api/events?period=1d", "/api/events?period=1d&limit=1", "/api/analytics/summary"):
        assert attacker.ask("GET", target, Accept=ARROW).media_type == ARROW


def test_tls_is_asked_for_where_there_is_tls(attacker):
    for target in ("/health", "/", "/api/nothing"):
        behind_tls = attacker.ask("GET", target, X_Forwarded_Proto="https")
        assert behind_tls.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("path", ["", "/redoc", "/swagger", "/elements", "/rapidoc", "/scalar"])
def test_the_description_of_the_api_asks_nobody_else(attacker, path):
    page = attacker.ask("GET", f"/schema{path}")
    assert b"<script" not in page.body
    assert not re.search(rb"(src|href)=[\"']?(https?:)?//", page.body)
    assert (page.status == 200) == (path == "")


def test_the_description_names_every_route(attacker):
    page = attacker.ask("GET", "/schema").body.decode()
    for operation in OPERATIONS:
        assert f'id="{operation.said["operationId"]}"' in page
    assert "&lt;" not in re.sub(r"<(style|pre)>.*?</\1>", "", page, flags=re.DOTALL)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_is_read_in_a_browser(attacked_project, open_page, scheme):
    page = open_page(f"{attacked_project.url}/schema", color_scheme=scheme)
    page.click("nav a[href='#ApiKeysKeys']")
    page.get_by_role("heading", name="Example").first.wait_for()
    light, dark = "rgb(246, 246, 243)", "rgb(12, 14, 18)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (light if scheme == "light" else dark)


@pytest.mark.browser
def test_a_script_in_a_page_does_not_run(attacked_project, browser):
    page = browser.new_page()
    page.goto(f"{attacked_project.url}/schema")
    page.evaluate("""() => {
        window.refused = new Promise((done) => document.addEventListener("securitypolicyviolation", done));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
    }""")
    assert page.evaluate("window.refused.then((event) => event.effectiveDirective)") == "script-src-elem"
    assert page.evaluate("window.ran") is None
    page.close()
