"""When keys were last used: noted in memory with each request, and written each minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, or_
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.db.tables import api_keys
from tokenbudget_server.jobs.periodic import Periodic

_EVERY = timedelta(minutes=1)


class LastUsed:
    """When this process last met each key.

    Parameters
    ----------
    engine : AsyncEngine
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._met: dict[int, datetime] = {}

    @property
    def job(self) -> Periodic:
        """Writes what was noted."""
        return Periodic(name="note-used-keys", every=_EVERY, run=self.write)

    def note(self, api_key_id: int | None) -> None:
        """Note that a key was used now."""
        if api_key_id is not None:
            self._met[api_key_id] = datetime.now(UTC)

    async def write(self) -> None:
        """Write what was noted; a time never goes back, whichever process writes last."""
        met, self._met = self._met, {}
        if not met:
            return
        try:
            async with self._engine.begin() as connection:
                rows = [{"key": key, "at": at} for key, at in sorted(met.items())]
                await connection.execute(_WRITE, rows)
        except BaseException:
            self._met = met | self._met
            raise


_WRITE = (
    api_keys.update()
    .where(
        api_keys.c.id == bindparam("key"),
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("at")),
    )
    .values(last_used_at=bindparam("at"))
)
