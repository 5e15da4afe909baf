"""The services that other tests stand on give every test a clean start."""

import psycopg
import pytest
import redis

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_an_own_database(postgres_url, turn):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE left_behind (turn text)")  # The second time it would exist already.


def test_an_empty_database_has_no_tables(empty_postgres_url):
    with psycopg.connect(empty_postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_an_empty_redis(redis_url, turn):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left_behind", turn)
