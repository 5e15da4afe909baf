"""The pricer of this process: the database's book and overrides, those of the home directory, and names for models."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget import config
from tokenbudget.core.errors import PriceError
from tokenbudget.pricing import Pricer
from tokenbudget.pricing.book import store
from tokenbudget_server.pricing.rows import State, select_overrides, select_rows, select_state, to_book, to_overrides
from tokenbudget_server.web.pools import Pool

_log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""How old this process' prices may be when another process changed them."""
PATIENCE_SECONDS = 2.0

Stamp = tuple[int, tuple[int, int] | None]
"""Version of the database's prices; time and size of the file of overrides."""


class Prices:
    """Gives the pricer, read again when prices changed, by whichever process.

    There is no task in the background: who asks for the pricer looks at the version, at most once a second.  A new one
    is built in a thread, once for all who ask meanwhile; ingest goes on with the one at hand until then.

    Parameters
    ----------
    engine : AsyncEngine
        Of its own, or one whose connections nobody keeps for long: ingest asks here.
    home : Path
        ``tokenbudget prices set`` on the server's machine writes overrides there; those in the database come after.
    books : Pool
        Where books are built.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self, engine: AsyncEngine, home: Path, books: Pool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._home = home
        self._books = books
        self._clock = clock
        self._lock = asyncio.Lock()
        self._check_at = 0.0
        self._known: tuple[Pricer, Stamp] | None = None
        self._building: asyncio.Task[None] | None = None

    async def pricer(self) -> Pricer:
        """Return the pricer; raises what `current` does."""
        return (await self.current())[0]

    async def current(self) -> tuple[Pricer, Stamp]:
        """Return the pricer of the prices as they are, and their version.

        Raises
        ------
        PriceError
            If the file of overrides cannot be read and never was; later, what was read before stays in force.
        sqlalchemy.exc.OperationalError
            If the database does not answer.
        """
        while True:
            await self._check()
            if self._building is not None:
                await asyncio.shield(self._building)
            elif self._known is not None:
                return self._known

    async def pricer_at_hand(self) -> Pricer:
        """Return the pricer for events that come in: while a new one is built, the one before.

        It waits for the database alone, and for nothing that questions keep busy.  Where no event came for a while,
        the prices may have changed long ago: the first one that comes waits for them, though not without end.  Raises
        what `current` does.
        """
        is_long_ago = self._clock() >= self._check_at + CHECK_SECONDS
        await self._check()
        if self._known is None:
            return await self.pricer()
        if is_long_ago and self._building is not None:
            await asyncio.wait({self._building}, timeout=PATIENCE_SECONDS)
        return self._known[0]

    async def renew(self) -> None:
        """Take up prices that this process changed: when this returns, events are priced by them."""
        self._check_at = 0.0
        try:
            await self.current()
        except (PriceError, SQLAlchemyError) as error:
            _log.error("The changed prices are not in force in this process yet: %s", error)

    async def load(self) -> bool:
        """Build the pricer if there is none yet; return whether there is one."""
        if self._known is None:
            await self.renew()
        return self._known is not None

    @asynccontextmanager
    async def built(self) -> AsyncIterator[None]:
        """Build the pricer before anything is served, if the database answers; build nothing after the end."""
        await self.renew()
        try:
            yield
        finally:
            if self._building is not None:
                self._building.cancel()

    async def _check(self) -> None:
        """Look at the version if it is time to, and begin to build where it is another one."""
        if self._known is not None and self._clock() < self._check_at:
            return
        async with self._lock:
            if self._building is not None or (self._known is not None and self._clock() < self._check_at):
                return
            check_at, self._check_at = self._check_at, self._clock() + CHECK_SECONDS
            try:
                async with self._engine.connect() as connection:
                    state = State(*(await connection.execute(select_state())).one())
            except BaseException:
                self._check_at = check_at
                raise
            stamp = state.version, _file_stamp(self._home)
            if self._known is None or stamp != self._known[1]:
                self._building = asyncio.create_task(self._renew(state.revision, stamp))
                self._building.add_done_callback(self._is_built)

    def _is_built(self, task: asyncio.Task[None]) -> None:
        self._building = None
        if not task.cancelled() and (error := task.exception()) is not None and self._known is not None:
            _log.error("The prices stay as they are: %s", error)

    async def _renew(self, revision: str, stamp: Stamp) -> None:
        try:
            # What is read is at least as new as the version, which was read before it.
            self._known = await self._build(revision), stamp
        except PriceError as error:
            if self._known is None:
                raise
            _log.error("The prices stay as they are: %s", error)
            self._known = self._known[0], stamp

    async def _build(self, revision: str) -> Pricer:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select_rows())).all()
            overrides = to_overrides((await connection.execute(select_overrides())).all())

        def build() -> Pricer:
            own = [*store.overrides(self._home), *overrides]
            return Pricer(to_book(rows, revision), config.current().models, own)

        return await self._books.run(build)


def _file_stamp(home: Path) -> tuple[int, int] | None:
    try:
        seen = (store.folder(home) / store.OVERRIDES).stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


async def provide_pricer(prices: Prices) -> Pricer:
    """Return the pricer to a route."""
    return await prices.pricer()
