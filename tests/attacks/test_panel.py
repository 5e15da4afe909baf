"""The Panel shows figures to this machine, or to those who sign in with a key, and to no page of another site."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pytest
from bokeh.util.token import get_token_payload

from tests.plugins.ports import free_port
from tests.plugins.up import children, wait_until
from tokenbudget.core.ids import uuid7
from tokenbudget.diagnostics.logs import LINES_PER_MINUTE, LONGEST_RECORD

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("panel"), pytest.mark.timeout(300)]

ANYWHERE = "0.0.0.0"
EVIL = "https://evil.example"
WRONG = "tb_ak_" + "0" * 32


@contextmanager
def panel_of(home, host, url=None):
    """Run ``tokenbudget panel``; return its port."""
    home.mkdir(exist_ok=True)
    port = free_port()
    with (home / "panel.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenbudget_panel", f"--host={host}", f"--port={port}"],
            env={**os.environ, "TOKENBUDGET_HOME": str(home), **({"TOKENBUDGET_URL": url} if url else {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: process.poll() is not None or ask(port, "/liveness")[0] == 200)
        assert process.poll() is None, (home / "panel.log").read_text()
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(port, path, form=None, **headers):
    """Return status, headers and body; redirects are not followed."""
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()
    except OSError as error:
        return type(error).__name__, {}, ""


def open_socket(port, origin, cookie=""):
    """Open the web socket as a page of `origin` would; return the status."""
    session = json.dumps({"session_id": os.urandom(8).hex(), "session_expiry": int(time.time()) + 300}).encode()
    token = base64.urlsafe_b64encode(session).decode().rstrip("=")
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            f"GET /app/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: {origin}\r\nCookie: {cookie}\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: bokeh, {token}\r\n\r\n".encode()
        )
        return int(connection.recv(100).decode().split(" ")[1])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A Panel that only this machine reaches."""
    home = tmp_path_factory.mktemp("alone")
    with panel_of(home, "127.0.0.1") as port:
        yield port, home / "panel.log"


@pytest.fixture(scope="module")
def public(tmp_path_factory, _server):
    """A Panel that others reach, of a server."""
    home = tmp_path_factory.mktemp("public")
    with panel_of(home, ANYWHERE, _server[0]) as port:
        yield port, home / "panel.log"


def test_a_page_of_another_site_opens_no_web_socket(alone, public):
    assert [open_socket(port, EVIL) for port, _ in (alone, public)] == [403, 403]
    assert [open_socket(port, f"http://127.0.0.1:{port}") for port, _ in (alone, public)] == [101, 401]


def test_where_others_reach_it_nothing_is_shown_without_a_sign_in(alone, public):
    port, _ = public
    pages = [ask(port, path) for path in ("/", "/app")]
    assert [(status, headers["Location"].partition("?")[0].strip(".")) for status, headers, _ in pages] == [
        (302, "/login")
    ] * 2
    for path in ("/app/metadata", "/app/autoload.js?bokeh-autoload-element=1"):
        assert ask(port, path)[0] == 401
    assert ask(alone[0], "/app")[0] == 200, "this machine needs none"


def signed_in(port, key, following="/"):
    status, headers, page = ask(port, "/login", {"key": key, "next": following})
    return status, headers, page


def cookie_of(headers):
    return headers["Set-Cookie"].partition(";")[0]


def test_a_key_is_exchanged_for_a_cookie_that_no_script_reads(public, running_server):
    port, log = public
    key = running_server("panel-cookie").key
    status, headers, _ = signed_in(port, key, "/app?period=7d")
    assert (status, headers["Location"]) == (303, "/app?period=7d")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {*headers["Set-Cookie"].split("; ")}
    cookie = cookie_of(headers)
    assert open_socket(port, f"http://127.0.0.1:{port}", cookie) == 101
    assert open_socket(port, EVIL, cookie) == 403
    status, headers, page = ask(port, "/app", Cookie=cookie)
    assert status == 200
    # What a page's script can read: its text, and the token in it.
    readable = page + str(get_token_payload(re.search(r'"token":"([\w.-]+)', page)[1]))
    assert cookie.partition("=")[2] not in readable
    assert key not in readable + str(headers) + log.read_text()
    assert ask(port, "/logout", Cookie=cookie)[0] == 303
    assert ask(port, "/app", Cookie=cookie)[0] == 302


def test_the_sign_in_lets_nobody_else_in(public, running_server):
    port, _ = public
    for key in ("", "x", WRONG, "tb_ak_" + "é" * 32):
        status, headers, page = signed_in(port, key)
        assert status == 403
        assert "Set-Cookie" not in headers
        assert len(key) < len(WRONG) or key not in page
    key = running_server("panel-others").key
    assert ask(port, "/login", {"key": key}, Origin=EVIL)[0] == 403
    assert ask(port, "/login", {"key": key, "more": "x" * 10_000})[0] in (400, "URLError", "ConnectionResetError")
    assert ask(port, f"/login?key={key}")[0] == 200, "a key in an address is not looked at"
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: b"):
        assert signed_in(port, key, elsewhere)[1]["Location"] == "/"
    for cookie in ("tokenbudget_panel=", "tokenbudget_panel=x", f"tokenbudget_panel={key}"):
        assert ask(port, "/app", Cookie=cookie)[0] == 302


def send(project, how_many):
    events = [
        {
            "id": uuid7(),
            "occurred_at": datetime.now(UTC).isoformat(),
            "provider": "openai",
            "model": "gpt-4o-mini",
            "usage": {"input_tokens": 10, "output_tokens": 2},
        }
        for _ in range(how_many)
    ]
    body = json.dumps({"events": events}).encode()
    request = urllib.request.Request(f"{project.url}/v1/events/batch", body, project.headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["accepted"] == how_many


@pytest.mark.browser
def test_each_visitor_sees_what_their_key_sees(public, running_server, open_page):
    port, log = public
    for name, calls in (("panel-one", 3), ("panel-two", 5)):
        project = running_server(name)
        send(project, calls)
        page = open_page(f"http://127.0.0.1:{port}/")
        page.get_by_label("API key").fill(project.key)
        page.get_by_role("button", name="Sign in").click()
        tile = page.locator('[data-tile="Requests"] .value')
        tile.wait_for()
        assert tile.get_attribute("title").split()[0] == str(calls)
        assert project.key not in page.url
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("link", name="Sign out").click()
        page.get_by_label("API key").wait_for()
    assert "/api/" not in log.read_text(), "there is no log of what is asked"


@pytest.mark.browser
def test_what_a_key_saw_ends_with_the_key(public, running_server, open_page):
    port, _ = public
    project = running_server("panel-revoked")
    send(project, 1)
    page = open_page(f"http://127.0.0.1:{port}/")
    page.get_by_label("API key").fill(project.key)
    page.get_by_role("button", name="Sign in").click()
    page.locator('[data-tile="Requests"] .value').wait_for()
    server = int(project.url.rpartition(":")[2])
    for key in json.loads(ask(server, "/api/keys", **project.headers)[2]):
        delete = urllib.request.Request(f"{project.url}/api/keys/{key['id']}", headers=project.headers, method="DELETE")
        urllib.request.urlopen(delete, timeout=60).close()
    page.get_by_text("You are not signed in any more").wait_for()
    assert signed_in(port, project.key)[0] == 403


def test_refused_requests_do_not_fill_the_log(alone, public):
    for port, log in (alone, public):
        before = log.stat().st_size
        for number in range(60):
            assert open_socket(port, f"{EVIL}.{'x' * 5_000}{number}") == 403
            assert ask(port, f"/nothing/{number}")[0] in (404, 401)
            assert ask(port, "/app/autoload.js")[0] in (400, 401)
        written = log.read_bytes()[before:]
        assert written.count(b"\n20") <= 4 * LINES_PER_MINUTE, written[-3_000:]
        assert len(written) < 4 * LINES_PER_MINUTE * LONGEST_RECORD


SECRETS = {
    "TOKENBUDGET_ADMIN_KEY": "the admin's key, in full",
    "OPENAI_API_KEY": "sk-of-the-provider",
    "GITHUB_TOKEN": "ghp-of-somebody",
}


@pytest.mark.parametrize("host", ["127.0.0.1", ANYWHERE])
def test_no_secret_is_in_the_panels_environment(up_with_panel, tmp_path, monkeypatch, postgres_url, host):
    for name, value in {**SECRETS, "TOKENBUDGET_DATABASE_URL": postgres_url}.items():
        monkeypatch.setenv(name, value)
    running = up_with_panel(host)
    output = running.read_until("Ctrl-C")
    key = re.search(r'api_key = "(\w+)"', (tmp_path / "home" / "config.toml").read_text())[1]
    processes = [psutil.Process(pid) for pid in children(running.process.pid)]
    panel = next(each for each in processes if "tokenbudget_server.launch.panel" in each.cmdline())
    shown = json.dumps([panel.environ(), panel.cmdline()])
    for secret in (*SECRETS.values(), postgres_url, key):
        assert secret not in shown
    for each in processes:
        assert SECRETS["OPENAI_API_KEY"] not in json.dumps(each.environ())
    assert ("whoever reaches this machine" in output) == (host == ANYWHERE)
    if host == ANYWHERE:
        assert open_socket(running.panel_port, f"http://127.0.0.1:{running.panel_port}") == 401


@pytest.fixture
def up_with_panel(tmp_path):
    from tests.plugins.up import Up

    started = []

    def start(host):
        panel_port = free_port()
        running = Up(tmp_path / "home", f"--host={host}", f"--port={free_port()}", f"--panel-port={panel_port}")
        running.panel_port = panel_port
        started.append(running)
        return running

    yield start
    for each in started:
        each.stop()
        each.process.stdout.close()
