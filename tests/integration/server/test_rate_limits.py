"""Limits that processes share through Redis, what counts while it is away, and what every route is limited by."""

import asyncio
from dataclasses import replace

import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from tests.plugins.ports import free_port
from tokenbudget_server.app import create_app
from tokenbudget_server.cache.client import RedisClient
from tokenbudget_server.cache.rate_limits import RateLimits
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.rates import Rate

RATE = Rate("questions", 3, 3_600.0)


async def installation():
    return "here"


async def outcomes(limits, count, rate=RATE):
    """Ask so many times at once, of the processes in turn; return how many were let through."""

    async def ask(number):
        try:
            await limits[number % len(limits)].take(rate, "ada")
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


@pytest.mark.redis
def test_a_caller_that_asks_often_costs_few_questions_to_redis_and_gets_no_more(redis_url):
    rate = Rate("requests", 6_000, 6.0)
    trips = []

    class Counted(RedisClient):
        async def run(self, *arguments):
            trips.append(arguments)
            return await super().run(*arguments)

    async def scenario():
        clients = [Counted(redis_url, installation) for _ in range(2)]
        try:
            limits = [RateLimits(client) for client in clients]
            return sum([await outcomes(limits, 50, rate) for _ in range(40)])
        finally:
            for client in clients:
                await client.close()

    assert asyncio.run(scenario()) == 2_000
    assert len(trips) <= 2_000 / 10


HOUR = 3_600
ONE = Rate("requests", 1, HOUR)


@pytest.fixture
def routes():
    """List the method and the path of every route of an application."""

    def of(app):
        return [
            (method, route.path_format.format(**dict.fromkeys(route.path_parameters, 1)))
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for method in route.methods
            if not route.path.startswith("/health") and method not in ("HEAD", "OPTIONS")
        ]

    return of


@pytest.mark.postgres
def test_every_route_counts_those_it_does_not_let_in_for_their_address(settings, routes):
    app = create_app(replace(settings, address_limit=ONE, proxies=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert len(routes(app)) > 40
        for number, (method, path) in enumerate(routes(app)):
            told = []
            for host in (1, 2):  # Both of one /64, which counts as one client.
                answer = client.request(method, path, headers={"X-Forwarded-For": f"2001:db8:{number:x}::{host}"})
                told.append(answer.status_code)
            assert told[0] != 429, (method, path)
            assert told[1] == 429, (method, path, told)
            assert int(answer.headers["retry-after"]) in range(HOUR - 60, HOUR + 1)


@pytest.mark.postgres
def test_every_route_that_needs_a_key_counts_for_the_key_alone(settings, routes, headers):
    app = create_app(replace(settings, key_limit=ONE, address_limit=None))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/api/me", headers=headers).status_code == 200
        for method, path in routes(app):
            nobody, somebody = (client.request(method, path, headers=each) for each in ({}, headers))
            is_closed_to_keys = somebody.status_code == 403  # Only the admin key opens it.
            assert (somebody.status_code == 429) == (nobody.status_code == 401 and not is_closed_to_keys), (
                method,
                path,
            )


@pytest.mark.postgres
def test_strangers_at_the_same_address_use_up_nothing_of_a_key(settings, headers):
    with TestClient(create_app(replace(settings, address_limit=ONE))) as client:
        assert [client.get("/api/me").status_code for _ in range(3)] == [401, 429, 429]
        assert client.get("/api/me", headers=headers).status_code == 200
        assert [client.get("/health/ready").status_code for _ in range(3)] == [200] * 3


@pytest.mark.postgres
def test_without_redis_limits_hold_in_each_process_and_nobody_is_let_in(settings, headers, caplog):
    limited = replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}", key_limit=Rate("requests", 2, HOUR))
    with TestClient(create_app(limited)) as client:
        assert client.get("/api/me").status_code == 401
        assert [client.get("/api/me", headers=headers).status_code for _ in range(4)] == [200, 200, 429, 429]
    assert (
        caplog.text.count("Redis does not answer, so each process remembers, and counts for rate limits, by itself")
        == 1
    )
