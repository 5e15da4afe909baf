"""The connections of one application, apart by what they are for: none waits for another kind's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tokenbudget_server.db.url import sqlalchemy_url

STATEMENT_SECONDS = 60
"""How long a statement of a request may take: what is longer was asked for by mistake, or on purpose."""
WAIT_SECONDS = 10
"""How long a request waits for a connection; then the answer is 503."""
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Engines:
    """Engines on one database.

    Attributes
    ----------
    requests : AsyncEngine
        For whatever answers requests; its statements have a time limit.
    jobs : AsyncEngine
        For what runs in the background, which may take long.
    ingest : AsyncEngine
        For what ingest asks besides storing events: whose a key is, whether prices changed.
    health : AsyncEngine
        For the question whether all is well, which must be answered while all other connections are taken.
    """

    requests: AsyncEngine
    jobs: AsyncEngine
    ingest: AsyncEngine
    health: AsyncEngine

    @classmethod
    def of(cls, url: str) -> Engines:
        """Make the engines; none connects before it is used."""
        return cls(
            _limited(_engine(url, pool_size=10, max_overflow=10)),
            _engine(url, pool_size=2, max_overflow=8),
            _limited(_engine(url, pool_size=2, max_overflow=4)),
            _limited(_engine(url, pool_size=1, max_overflow=1)),
        )

    async def dispose(self) -> None:
        """Close all connections."""
        for engine in (self.requests, self.jobs, self.ingest, self.health):
            await engine.dispose()


def _engine(url: str, **pool: int) -> AsyncEngine:
    return create_async_engine(
        sqlalchemy_url(url),
        pool_pre_ping=True,
        hide_parameters=True,
        pool_timeout=WAIT_SECONDS,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
        **pool,
    )


def _limited(engine: AsyncEngine) -> AsyncEngine:
    """Limit how long statements take; in a session, as poolers of connections refuse it among their options."""

    @event.listens_for(engine.sync_engine, "connect")
    def limit(connection: Any, _: object) -> None:
        try:
            cursor = connection.cursor()
            cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.close()
            connection.commit()
        except BaseException:  # The pool does not have it yet: nobody else would close it.
            connection.close()
            raise

    return engine
