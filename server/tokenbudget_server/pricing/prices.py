"""The pricer of this process: the database's book and overrides, those of the home directory, and names for models."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.pricing import Pricer
from tokenbudget.pricing.book import store
from tokenbudget_server.pricing.rows import State, select_overrides, select_rows, select_state, to_book, to_overrides

_log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""How old this process' prices may be when another process changed them."""

Stamp = tuple[int, tuple[int, int] | None]
"""Version of the database's prices; time and size of the file of overrides."""


class Prices:
    """Gives the pricer, read again when prices changed, by whichever process.

    There is no task in the background: who asks for the pricer looks at the version, at most once a second.

    Parameters
    ----------
    engine : AsyncEngine
    home : Path
        ``tokenbudget prices set`` on the server's machine writes overrides there; those in the database come after.
    clock : callable
        Gives seconds.
    """

    def __init__(self, engine: AsyncEngine, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._home = home
        self._clock = clock
        self._lock = asyncio.Lock()
        self._check_at = 0.0
        self._known: tuple[Pricer, Stamp] | None = None

    async def pricer(self) -> Pricer:
        """Return the pricer; raises what `current` does."""
        return (await self.current())[0]

    async def current(self) -> tuple[Pricer, Stamp]:
        """Return the pricer, and the version of the prices that it has.

        Raises
        ------
        PriceError
            If the file of overrides cannot be read and never was; later, what was read before stays in force.
        sqlalchemy.exc.OperationalError
            If the database does not answer.
        """
        if self._known is None or self._clock() >= self._check_at:
            async with self._lock:
                if self._known is None or self._clock() >= self._check_at:
                    self._known = await self._read()
                    self._check_at = self._clock() + CHECK_SECONDS
        return self._known

    def forget(self) -> None:
        """Look at the version when next asked: this process changed prices."""
        self._check_at = 0.0

    async def _read(self) -> tuple[Pricer, Stamp]:
        async with self._engine.connect() as connection:
            # The version first: what is read after it is at least as new.
            state = State(*(await connection.execute(select_state())).one())
            stamp = state.version, _file_stamp(self._home)
            if self._known is not None and stamp == self._known[1]:
                return self._known
            try:
                return await self._build(connection, state.revision), stamp
            except PriceError as error:
                if self._known is None:
                    raise
                _log.error("The prices stay as they are: %s", error)
                return self._known[0], stamp

    async def _build(self, connection: AsyncConnection, revision: str) -> Pricer:
        rows = (await connection.execute(select_rows())).all()
        overrides = to_overrides((await connection.execute(select_overrides())).all())

        def build() -> Pricer:
            own = [*store.overrides(self._home), *overrides]
            return Pricer(to_book(rows, revision), config.current().models, own)

        return await asyncio.to_thread(build)


def _file_stamp(home: Path) -> tuple[int, int] | None:
    try:
        seen = (store.folder(home) / store.OVERRIDES).stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


async def provide_pricer(prices: Prices) -> Pricer:
    """Return the pricer to a route."""
    return await prices.pricer()
