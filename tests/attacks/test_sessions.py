"""Attacks on sessions: fixation, requests forged by other pages, guessed passwords, codes used again."""

import re
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import passwords
from tokenbudget_server.accounts.sessions import Sessions
from tokenbudget_server.app import create_app

pytestmark = pytest.mark.postgres

ORIGIN = "http://testserver.local"
PASSWORD = "correct horse battery"


@pytest.fixture
def server(settings):
    with TestClient(create_app(settings), raise_server_exceptions=False) as server:
        yield server


@pytest.fixture
def browser(server, key):
    """Sign in with an API key: the cookies, and the headers that our own page sends."""
    return sign_in(server, {"api_key": key})


@pytest.fixture
def quick_passwords(monkeypatch):
    monkeypatch.setattr(passwords, "_ROUNDS", 4)
    passwords._nobodys.cache_clear()


@pytest.fixture
def ada(postgres_url, sql, quick_passwords):
    """Make a user who has a password."""
    make_project(postgres_url, "app")
    id_ = make_member(postgres_url, "Ada", role="owner")
    sql("UPDATE users SET password_hash = %s WHERE id = %s", passwords.hash_password(PASSWORD), id_)
    return id_


def sign_in(server, how, headers=None):
    answer = server.post("/api/sessions", json=how, headers={"Origin": ORIGIN} | (headers or {}))
    assert answer.status_code == 201, answer.text
    cookies = dict(answer.cookies.items())
    server.cookies.clear()
    return as_browser(cookies)


def as_browser(cookies):
    csrf = next(value for name, value in cookies.items() if name.endswith("csrf"))
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {"Cookie": cookie, "Origin": ORIGIN, "X-CSRF-Token": csrf}


def test_a_session_is_begun_known_listed_and_ended(server, browser, sql):
    assert server.get("/api/me", headers=browser).json()["credential"] == "session"
    (session,) = server.get("/api/sessions", headers=browser).json()["rows"]
    assert session["is_current"]
    other = sign_in(server, {"code": server.post("/api/sessions/codes", headers=browser).json()["code"]})
    assert server.delete(f"/api/sessions/{session['id']}", headers=other).status_code == 204
    assert server.get("/api/me", headers=browser).status_code == 401
    ended = server.delete("/api/sessions/current", headers=other)
    assert (ended.status_code, ended.headers.get_list("set-cookie")[0].count("Max-Age=0")) == (204, 1)
    assert server.get("/api/me", headers=other).status_code == 401
    actions = [action for (action,) in sql("SELECT action FROM audit ORDER BY id")]
    assert actions == ["session.begin", "sign_in_code.create", "session.begin", "session.end", "session.end"]


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(server, key, sql):
    answer = server.post("/api/sessions", json={"api_key": key}, headers={"Origin": ORIGIN})
    session, csrf = answer.headers.get_list("set-cookie")
    assert answer.headers["cache-control"] == "no-store"
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))
    assert "HttpOnly" not in csrf
    secret = session.partition("=")[2].partition(";")[0]
    assert len(secret) >= 43  # 256 bits.
    assert secret not in str(sql("SELECT * FROM sessions")) + str(sql("SELECT * FROM audit"))
    assert key not in answer.text + str(answer.headers)


def test_behind_tls_no_other_host_of_the_domain_can_set_the_cookie(server, key):
    origin = {"Origin": "https://testserver.local"}
    answer = server.post("/api/sessions", json={"api_key": key}, headers=origin)
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        assert "Domain" not in cookie
    given = dict(answer.cookies.items()) or dict(re.findall(r"(__Host-\w+)=([^;]+)", str(answer.headers)))
    tossed = {name.removeprefix("__Host-"): value for name, value in given.items()}
    server.cookies.clear()
    assert server.get("/api/me", headers=as_browser(given)).status_code == 200
    assert server.get("/api/me", headers=as_browser(tossed)).status_code == 401


def test_a_session_that_was_put_into_the_browser_is_not_taken_over(server, key, browser):
    before = browser["Cookie"]
    after = sign_in(server, {"api_key": key}, {"Cookie": before, "X-CSRF-Token": browser["X-CSRF-Token"]})
    assert not set(before.split("; ")) & set(after["Cookie"].split("; "))
    made_up = as_browser({"tokenbudget_session": "f" * 43, "tokenbudget_csrf": "x"})
    assert server.get("/api/me", headers=made_up).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.local.evil.example"},
        {"Origin": ""},
        {"X-CSRF-Token": "", "Authorization": "Bearer bogus"},
        {"X-CSRF-Token": "", "Authorization": "Bearer tb_ak_" + "0" * 32},
        {"X-CSRF-Token": "", "X-Admin-Key": "the admin's"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/projects/1/keys", {"name": "mine"}),
        ("DELETE", "/api/keys/1", None),
        ("DELETE", "/api/sessions/current", None),
        ("POST", "/api/sessions", {"api_key": "KEY"}),
        ("POST", "/api/reprice", {}),
        ("POST", "/api/admin/sync-pricing", {}),
    ],
)
def test_another_page_changes_nothing(server, browser, key, sql, wrong, method, path, body):
    state = "SELECT (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL), (SELECT count(*) FROM sessions)"
    before = sql(state)
    body = {"api_key": key} if body == {"api_key": "KEY"} else body
    sent = {"json": body} if body is not None else {}
    assert server.request(method, path, headers=browser | wrong, **sent).status_code == 403
    assert sql(state) == before


def test_a_right_key_beside_a_cookie_does_not_stand_in_for_the_token(server, browser, key):
    forged = {"Cookie": browser["Cookie"], "Authorization": f"Bearer {key}", "Origin": ORIGIN}
    assert server.post("/api/reprice", json={}, headers=forged).status_code == 403
    del forged["Cookie"]
    assert server.post("/api/reprice", json={}, headers=forged).status_code == 200  # Scripts have no cookies.


def test_another_page_signs_nobody_in(server, key, sql):
    forged = {"Origin": "https://evil.example"}
    assert server.post("/api/sessions", json={"api_key": key}, headers=forged).status_code == 403
    assert sql("SELECT count(*) FROM sessions") == [(0,)]


def test_a_session_does_what_the_key_may_that_it_began_with_and_ends_with_it(server, postgres_url, sql):
    project = make_project(postgres_url, "app")
    make_project(postgres_url, "other")
    owner = make_member(postgres_url, "Ada", role="owner")
    reader = sign_in(server, {"api_key": make_key(postgres_url, project, owner, "reader", ["read"])})
    assert [each["name"] for each in server.get("/api/projects", headers=reader).json()["rows"]] == ["app"]
    assert server.get("/api/analytics/summary", headers=reader).status_code == 200
    for method, path in (("GET", "/api/users"), ("GET", "/api/sessions"), ("POST", "/api/sessions/codes")):
        assert server.request(method, path, headers=reader).status_code == 403
    admin = sign_in(server, {"api_key": make_key(postgres_url, project, owner, "admin")})
    further = sign_in(server, {"code": server.post("/api/sessions/codes", headers=admin).json()["code"]})
    sql("UPDATE api_keys SET revoked_at = now() WHERE name = 'admin'")
    for ended in (admin, further):
        assert server.get("/api/me", headers=ended).status_code == 401
    assert server.get("/api/me", headers=reader).status_code == 200
    sql("DELETE FROM memberships")
    assert server.get("/api/me", headers=reader).status_code == 401


@pytest.mark.parametrize(
    ("change", "works"),
    [
        ("last_seen_at = now() - interval '11 hours 50 minutes'", True),
        ("last_seen_at = now() - interval '12 hours'", False),
        ("created_at = now() - interval '13 days 23 hours'", True),
        ("created_at = now() - interval '14 days'", False),
    ],
)
def test_a_session_ends_by_itself(server, browser, sql, change, works):
    sql(f"UPDATE sessions SET {change}")
    assert (server.get("/api/me", headers=browser).status_code == 200) == works
    if works:
        assert sql("SELECT last_seen_at > now() - interval '1 minute' FROM sessions") == [(True,)]


def test_a_code_works_once_and_for_minutes(server, headers, sql):
    def code():
        return server.post("/api/sessions/codes", headers=headers).json()["code"]

    first = code()
    assert first not in str(sql("SELECT * FROM sign_in_codes"))
    sign_in(server, {"code": first})
    late = code()
    sql("UPDATE sign_in_codes SET expires_at = now() - interval '1 second'")
    for worthless in (first, late, "x", "", "\ud800"):
        answer = server.post("/api/sessions", content=f'{{"code": "{worthless}"}}'.encode(errors="replace"))
        assert answer.status_code == 401
    assert sql("SELECT count(*) FROM sessions") == [(1,)]


def test_a_password_signs_in(server, ada):
    assert server.get(
        "/api/me", headers=sign_in(server, {"email": "ADA@example.org", "password": PASSWORD})
    ).json() == {
        "email": "Ada@example.org",
        "name": "Ada",
        "organisation": "default",
        "role": "owner",
        "rights": ["admin", "import", "ingest", "read"],
        "credential": "session",
    }


def test_wrong_passwords_cost_the_same_and_are_slowed_down_for_who_sends_them(server, ada, monkeypatch, sql):
    compared = []
    real = passwords.bcrypt.checkpw

    def checkpw(password, hash_):
        compared.append(hash_)
        return real(password, hash_)

    monkeypatch.setattr(passwords.bcrypt, "checkpw", checkpw)
    for email in ("ada@example.org", "nobody@example.org", "x\0"):
        answer = server.post("/api/sessions", json={"email": email, "password": "wrong" * 3})
        assert (answer.status_code, answer.json()["detail"]) == (401, "the email or the password is wrong")
    assert len(compared) == 3
    statuses = [
        server.post("/api/sessions", json={"email": "ada@example.org", "password": "wrong" * 3}).status_code
        for _ in range(5)
    ]
    assert statuses[:2] == [401, 401]
    assert statuses[-1] == 429
    refused = server.post("/api/sessions", json={"email": "ada@example.org", "password": PASSWORD})
    assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (429, True)
    assert sql("SELECT action, target_id FROM audit") == [("session.refuse", str(ada))] * statuses.count(401) + [
        ("session.refuse", str(ada))
    ]


def test_strangers_lock_nobody_out():
    now = [0.0]
    delays = passwords.Delays(clock=lambda: now[0])
    for _ in range(50):
        delays.failed("ada", "203.0.113.7")
    with pytest.raises(Exception, match="try again in 900 s"):
        delays.check("ada", "203.0.113.7")
    delays.check("ada", "198.51.100.1")
    delays.check("eve", "203.0.113.7")
    now[0] = 901
    delays.check("ada", "203.0.113.7")


def test_made_up_sessions_do_not_keep_the_database_from_others(server, browser, monkeypatch):
    asked = []
    real = Sessions._look_up

    async def look_up(self, hash_):
        asked.append(hash_)
        return await real(self, hash_)

    monkeypatch.setattr(Sessions, "_look_up", look_up)
    assert server.get("/api/me", headers=browser).status_code == 200
    same = {"Cookie": "tokenbudget_session=made-up"}
    assert [server.get("/api/me", headers=same).status_code for _ in range(20)] == [401] * 20
    assert len(asked) == 2
    statuses = {
        server.get("/api/me", headers={"Cookie": f"tokenbudget_session={number}"}).status_code for number in range(400)
    }
    assert statuses == {401, 429}
    assert len(asked) < 400
    assert server.get("/api/me", headers=browser).status_code == 200


def test_a_token_is_for_pages_of_other_origins_and_for_hours(server, ada, sql):
    foreign = {"Origin": "https://costs.example"}
    proof = {"email": "ada@example.org", "password": PASSWORD}
    answer = server.post("/api/sessions/tokens", json=proof, headers=foreign)
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (201, [])
    token = answer.json()["token"]
    assert re.fullmatch(r"tb_st_[A-Za-z0-9_-]{43}", token)
    assert token not in str(sql("SELECT * FROM sessions")) + str(sql("SELECT * FROM audit"))
    bearer = {"Authorization": f"Bearer {token}", **foreign}
    assert server.get("/api/me", headers=bearer).json()["credential"] == "session"
    assert server.post("/api/teams", json={"name": "blue"}, headers=bearer).status_code == 201
    cookie = {"Cookie": f"tokenbudget_session={token}"}
    bogus = {"Authorization": "Bearer tb_st_" + "x" * 43}
    for worthless in (cookie, bogus):
        assert server.get("/api/me", headers=worthless).status_code == 401
    # With the cookie of a session, its own proof is asked for.
    assert server.post("/api/teams", json={"name": "red"}, headers=bearer | cookie).status_code == 403
    hours = "SELECT expires_at BETWEEN now() + interval '11 h' AND now() + interval '12 h' FROM sessions"
    assert sql(hours) == [(True,)]
    sql("UPDATE sessions SET expires_at = now()")
    assert server.get("/api/me", headers=bearer).status_code == 401


def test_the_cookies_secret_is_no_token(server, browser):
    secret = re.search("tokenbudget_session=([^;]+)", browser["Cookie"])[1]
    for text in (secret, f"tb_st_{secret}"):
        assert server.get("/api/me", headers={"Authorization": f"Bearer {text}"}).status_code == 401


HERE = {"Host": "127.0.0.1:8321"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (HERE, 200),
        (HERE | {"Origin": "http://127.0.0.1:8321", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "[::1]:8321"}, 200),
        (HERE | {"Cookie": "tokenbudget_session=of-before"}, 200),
        (HERE | {"Authorization": "Bearer tb_ak_" + "0" * 32}, 401),
        # Pages of other sites, also of one whose name is made to point at this machine.
        (HERE | {"Origin": "https://evil.example"}, 403),
        (HERE | {"Origin": "null"}, 403),
        (HERE | {"Sec-Fetch-Site": "cross-site"}, 403),
        (HERE | {"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example:8321", "Origin": "http://evil.example:8321"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
    ],
)
def test_where_nobody_signs_in_only_the_user_of_this_machine_is_answered(settings, ada, headers, status):
    with TestClient(create_app(replace(settings, requires_sign_in=False))) as server:
        answer = server.get("/api/me", headers=headers)
        assert answer.status_code == status, answer.text
        assert status != 200 or answer.json()["role"] == "owner"
        if status == 403:
            assert server.post("/api/teams", json={"name": "blue"}, headers=headers).status_code == 403
