"""Attacks on API keys: floods of wrong ones, guesses at how others begin, clients that hang up."""

import asyncio
import secrets
import threading

import pytest
from litestar.testing import TestClient
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.accounts import make_key, make_member, make_project
from tokenbudget_server.accounts import keys, verification
from tokenbudget_server.accounts.cache import MemoryKeyCache
from tokenbudget_server.accounts.verification import MOST_WRONG, Verifier
from tokenbudget_server.app import create_app
from tokenbudget_server.db.url import sqlalchemy_url
from tokenbudget_server.web.pools import Pool
from tokenbudget_server.web.problems import ProblemError

pytestmark = pytest.mark.postgres


class Compared:
    """What was compared with bcrypt: how often, in which threads, how many at once."""

    def __init__(self, real):
        self._real = real
        self._lock = threading.Lock()
        self._running = 0
        self.texts, self.threads, self.most = [], set(), 0
        self.begun, self.held = threading.Event(), threading.Event()
        self.held.set()

    def __call__(self, text, hash_):
        with self._lock:
            self.texts.append(text)
            self.threads.add(threading.current_thread().name)
            self._running += 1
            self.most = max(self.most, self._running)
        self.begun.set()
        self.held.wait(30)
        try:
            return self._real(text, hash_)
        finally:
            with self._lock:
                self._running -= 1


@pytest.fixture
def compared(monkeypatch):
    compared = Compared(keys.matches)
    monkeypatch.setattr(keys, "matches", compared)
    yield compared
    compared.held.set()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def like(key):
    """Return a wrong key that begins as a right one does."""
    return key[:14] + secrets.token_hex(12)


def scenario(url, act, *, waiting=64, per_caller=None):
    """Do something with a verifier of its own, which has one thread."""

    async def run():
        engine = create_async_engine(sqlalchemy_url(url))
        pool = Pool("hashes", 1, waiting=waiting, per_caller=per_caller)
        try:
            return await act(Verifier(engine, MemoryKeyCache(), pool))
        finally:
            pool.close()
            await engine.dispose()

    return asyncio.run(run())


def test_wrong_keys_of_an_address_are_refused_before_they_are_hashed(client, key, compared):
    assert client.get("/api/projects").status_code == 200
    answers = [client.get("/api/projects", headers=bearer(like(key))) for _ in range(MOST_WRONG + 10)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert len(compared.texts) == 1 + len(answers) - len(refused) < 1 + len(answers)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert client.get("/api/projects").status_code == 200  # It is remembered.
    assert all(name.startswith("hashes") for name in compared.threads)


def test_the_database_is_not_asked_for_who_sends_too_many_wrong_keys(postgres_url, key, monkeypatch):
    asked, at_once = [], []
    real = Verifier._candidates

    async def candidates(self, text):
        asked.append(text)
        at_once.append(sum(self._looked_up.values()))
        return await real(self, text)

    monkeypatch.setattr(Verifier, "_candidates", candidates)

    async def repeat(verifier, wrong):
        for _ in range(1000):
            await verifier.verify(wrong, "192.0.2.3")

    async def act(verifier):
        assert await verifier.verify(key, "192.0.2.1") is not None
        for _ in range(MOST_WRONG):
            await verifier.verify(like(key), "192.0.2.1")
        del asked[:]
        flood = [verifier.verify(like(key), "192.0.2.1") for _ in range(50)]
        assert all(isinstance(each, ProblemError) for each in await asyncio.gather(*flood, return_exceptions=True))
        assert asked == []
        flood = [verifier.verify(like(key), "192.0.2.2") for _ in range(50)]
        refused = [each for each in await asyncio.gather(*flood, return_exceptions=True) if each is not None]
        assert len(asked) == 50 - len(refused) == max(at_once)
        with pytest.raises(ProblemError, match="requests with a key"):
            await repeat(verifier, like(key))
        return await verifier.verify(key, "192.0.2.1")  # This process has found it right before.

    assert scenario(postgres_url, act) is not None


def test_a_key_that_was_just_made_waits_behind_none(client, key, compared):
    project = client.get("/api/projects").json()["rows"][0]["id"]
    for _ in range(MOST_WRONG + 10):
        client.get("/api/projects", headers=bearer(like(key)))
    made = client.post(f"/api/projects/{project}/keys", json={"name": "new"}).json()["text"]
    hashed = len(compared.texts)
    assert client.get("/api/projects", headers=bearer(made)).status_code == 200
    assert len(compared.texts) == hashed


def test_the_addresses_of_one_network_count_together(postgres_url, key):
    async def act(verifier):
        for number in range(MOST_WRONG):
            assert await verifier.verify(like(key), f"2001:db8::{number:x}") is None
        with pytest.raises(ProblemError) as refused:
            await verifier.verify(like(key), "2001:db8::ffff")
        assert refused.value.status_code == 429
        return await verifier.verify(key, "2001:db8:0:1::1")  # A neighbour, who has a right one.

    assert scenario(postgres_url, act) is not None


def test_a_wrong_key_is_hashed_once_and_requests_that_bring_it_wait_together(postgres_url, key, compared):
    wrong = like(key)

    async def act(verifier):
        for _ in range(3):
            assert await asyncio.gather(*(verifier.verify(wrong, "192.0.2.1") for _ in range(20))) == [None] * 20

    scenario(postgres_url, act)
    assert compared.texts == [wrong]


def test_what_was_wrong_is_right_once_it_is_a_key(postgres_url, key, sql, compared):
    later = like(key)

    async def act(verifier):
        assert await verifier.verify(later, "192.0.2.1") is None
        sql(
            "INSERT INTO api_keys (lookup, hash, name, organisation_id, project_id, user_id) "
            "SELECT lookup, %s, 'later', organisation_id, project_id, user_id FROM api_keys",
            keys.hash_key(later),
        )
        return await verifier.verify(later, "192.0.2.1")

    assert scenario(postgres_url, act) is not None
    assert compared.texts == [later, later]  # Not again with the hash that it did not fit.


def test_a_key_that_begins_as_none_does_costs_what_one_does_that_begins_as_another(postgres_url, key, compared):
    unknown = keys.make_key().text

    async def act(verifier):
        for text in (unknown, like(key)):
            assert await verifier.verify(text, "192.0.2.1") is None

    scenario(postgres_url, act)
    assert len(compared.texts) == 2


def test_of_keys_that_begin_alike_a_few_are_tried(postgres_url, key, sql, compared):
    sql(
        "INSERT INTO api_keys (lookup, hash, name, organisation_id, project_id, user_id) "
        "SELECT lookup, %s || n, 'twin', organisation_id, project_id, user_id FROM api_keys, generate_series(1, 20) n",
        keys.make_key().hash[:-2],
    )
    scenario(postgres_url, lambda verifier: verifier.verify(like(key), "192.0.2.1"))
    assert len(compared.texts) == verification._CANDIDATES


def test_nothing_is_hashed_for_who_has_gone(postgres_url, key, compared):
    async def act(verifier):
        compared.held.clear()
        waiting = [asyncio.create_task(verifier.verify(like(key), "192.0.2.1")) for _ in range(20)]
        await asyncio.to_thread(compared.begun.wait, 30)
        patient = asyncio.create_task(verifier.verify(key, "192.0.2.2"))
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        compared.held.set()
        return await patient

    assert scenario(postgres_url, act) is not None
    assert len(compared.texts) == 2  # The one that had begun, and the right one.


def test_one_address_does_not_fill_the_pool(postgres_url, key, compared):
    async def act(verifier):
        compared.held.clear()
        flood = [asyncio.create_task(verifier.verify(like(key), "192.0.2.1")) for _ in range(20)]
        done, _ = await asyncio.wait(flood, return_when=asyncio.FIRST_EXCEPTION)
        assert "try again" in str(next(iter(done)).exception())
        patient = asyncio.create_task(verifier.verify(key, "192.0.2.2"))
        await asyncio.sleep(0)
        compared.held.set()
        await asyncio.gather(*flood, return_exceptions=True)
        return await patient

    assert scenario(postgres_url, act, waiting=10, per_caller=4) is not None
    assert compared.most == 1


def test_a_hash_of_many_rounds_is_made_anew_at_the_first_use(postgres_url, monkeypatch, settings, sql):
    monkeypatch.setattr(keys, "_ROUNDS", 5)
    project = make_project(postgres_url, "old")
    text = make_key(postgres_url, project, make_member(postgres_url, "Ada"))
    monkeypatch.setattr(keys, "_ROUNDS", 4)
    for _ in range(2):
        with TestClient(create_app(settings)) as client:
            assert client.get("/api/projects", headers=bearer(text)).status_code == 200
    ((hash_,),) = sql("SELECT hash FROM api_keys")
    assert hash_.startswith("$2b$04$")
