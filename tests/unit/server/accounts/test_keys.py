import asyncio

import pytest

from tokenbudget_server.accounts import cache, keys
from tokenbudget_server.accounts.cache import MemoryKeyCache
from tokenbudget_server.accounts.principal import ApiKey, Principal, Role

KEY = "tb_ak_0123456789abcdef0123456789abcdef"


def principal(api_key_id=1):
    key = ApiKey(api_key_id, "key_1", frozenset({"read"}), project_id=2)
    return Principal(user_id=3, organisation_id=4, role=Role.MEMBER, team_ids=(), credential=key)


def test_a_made_key_has_the_form_and_matches_its_hash(monkeypatch):
    monkeypatch.setattr(keys, "_ROUNDS", 4)
    one, other = keys.make_key(), keys.make_key()
    assert keys.is_key(one.text)
    assert one.text != other.text
    assert keys.matches(one.text, one.hash)
    assert not keys.matches(other.text, one.hash)
    assert one.lookup == one.text[6:14]
    assert one.text not in one.hash


@pytest.mark.parametrize("text", ["", "tb_ak_", KEY[:-1], KEY + "0", KEY.upper(), "sk_ak_" + KEY[6:], KEY + "\n"])
def test_what_is_no_key(text):
    assert not keys.is_key(text)


def test_keys_are_hashed_with_as_few_rounds_as_random_ones_need():
    assert 8 <= int(keys.make_key().hash.split("$")[2]) <= 10
    assert not keys.is_costly(keys.make_key().hash)


def test_a_digest_does_not_hold_the_key():
    assert KEY[14:] not in keys.digest(KEY)
    assert keys.digest(KEY) == keys.digest(KEY)


def test_memory_forgets_after_minutes_and_on_request():
    now = [0.0]
    memory = MemoryKeyCache(clock=lambda: now[0])

    async def scenario():
        await memory.put("a", principal(1))
        await memory.put("b", principal(2))
        assert await memory.get("a") == principal(1)
        await memory.forget(1)
        assert await memory.get("a") is None
        assert await memory.get("b") == principal(2)
        now[0] = cache.SECONDS + 1
        assert await memory.get("b") is None

    asyncio.run(scenario())


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(cache, "_LARGEST", 3)
    memory = MemoryKeyCache()

    async def scenario():
        for number in range(5):
            await memory.put(str(number), principal(number))
        return [await memory.get(str(number)) is not None for number in range(5)]

    assert asyncio.run(scenario()) == [False, False, True, True, True]
