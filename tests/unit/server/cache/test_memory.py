import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbudget_server.cache.memory import MemoryCache


def test_what_was_not_used_for_longest_is_evicted():
    cache = MemoryCache(2)
    for name in "abac":
        cache.get(name)
        cache.put(name, name.upper())
    assert [cache.get(name) for name in "abc"] == ["A", None, "C"]


def test_a_value_expires():
    now = [0.0]
    cache = MemoryCache(10, seconds=60, clock=lambda: now[0])
    cache.put("a", 1)
    for now[0], found in ((59.0, 1), (60.0, None)):
        assert cache.get("a") == found
    cache.put("a", 2)
    assert cache.get("a") == 2


def test_values_are_forgotten_by_a_condition():
    cache = MemoryCache(10)
    for number in range(4):
        cache.put(str(number), number)
    cache.forget(lambda number: number % 2 == 0)
    assert [cache.get(str(number)) for number in range(4)] == [None, 1, None, 3]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.binary(max_size=6))))
def test_it_never_holds_more_than_it_may(entries):
    cache = MemoryCache(8, weigh=len)
    for key, value in entries:
        cache.put(key, value)
        held = [found for name in "abcd" if (found := cache.get(name)) is not None]
        assert sum(map(len, held)) == cache._weight <= 8
        assert cache.get(key) == value


def test_what_is_larger_than_all_is_not_held():
    cache = MemoryCache(8, weigh=len)
    cache.put("small", b"1")
    cache.put("large", b"123456789")
    assert cache.get("large") is None
    assert cache._weight == 0


@pytest.mark.parametrize("rounds", [2_000])
def test_threads_share_it(rounds):
    cache, faults = MemoryCache(5), []

    def work(name):
        for number in range(rounds):
            cache.put(f"{name}{number % 9}", number)
            found = cache.get(f"{name}{number % 9}")
            if found not in (None, number):
                faults.append(found)
            cache.forget(lambda value: value % 7 == 0)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert cache._weight == len(cache._known) <= 5
