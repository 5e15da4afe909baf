"""Limits that processes share through Redis, and what counts while it is away."""

import asyncio

import pytest

from tests.plugins.ports import free_port
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.rate_limits import Rate, RateLimits
from tokenbudget_server.web.problems import ProblemError

RATE = Rate("questions", 3, 3_600.0)


async def installation():
    return "here"


async def outcomes(limits, count):
    """Ask so many times at once, of the processes in turn; return how many were let through."""

    async def ask(number):
        try:
            await limits[number % len(limits)].take(RATE, "ada")
        except ProblemError:
            return False
        return True

    return sum(await asyncio.gather(*map(ask, range(count))))


@pytest.mark.redis
def test_processes_share_a_limit(redis_url):
    async def scenario():
        clients = [RedisClient(redis_url, installation) for _ in range(2)]
        try:
            return await outcomes([RateLimits(client) for client in clients], 20)
        finally:
            for client in clients:
                await client.close()

    assert asyncio.run(scenario()) == 3


def test_while_redis_is_away_each_process_counts_by_itself():
    async def scenario():
        client = RedisClient(f"redis://127.0.0.1:{free_port()}", installation)
        try:
            return await outcomes([RateLimits(client)], 20)
        finally:
            await client.close()

    assert asyncio.run(scenario()) == 3
