"""Put the made-up usage into a project of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, create_engine, func, select

from tokenbudget import pricing
from tokenbudget_server.accounts.bootstrap import ensure_project, insert_key
from tokenbudget_server.demo.generate import DAYS, day_of_usage
from tokenbudget_server.store.flusher import Flusher
from tokenbudget_server.store.rows import Row, to_row
from tokenbudget_server.store.tables import api_keys, projects, spend_day
from tokenbudget_server.store.url import sqlalchemy_url

PROJECT = "demo"
_KEY_NAME = "made-up usage"
_NO_HASH = "!"
_ROWS_PER_STATEMENT = 2_000


def fill(url: str, progress: Callable[[str], None] = lambda _: None, now: datetime | None = None) -> int:
    """Make up the 90 days before the first call, and what has passed since.

    Calling it again adds only what is missing: the events of a day are always the same.

    Parameters
    ----------
    url : str
        The database, migrated.
    progress : callable
        Is told how far it is.
    now : datetime, optional
        The present; for tests.

    Returns
    -------
    int
        Events in the demo project.
    """
    now = now or datetime.now(UTC)
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.begin() as connection:
            project_id = ensure_project(connection, PROJECT, is_demo=True)
            key_id = _ensure_key(connection, project_id)
            first, done = _state(connection, project_id, now)
        missing = [day for day in _days(first, now.date()) if day not in done or day >= now.date() - timedelta(days=1)]
        asyncio.run(_store(url, project_id, _rows(missing, first, now, key_id, progress)))
        with engine.connect() as connection:
            total = select(func.sum(spend_day.c.requests)).where(spend_day.c.project_id == project_id)
            return int(connection.scalar(total) or 0)
    finally:
        engine.dispose()


def _ensure_key(connection: Connection, project_id: int) -> int:
    """Give the id of the key that the usage is said to have come with; nobody can sign in with it."""
    found = select(api_keys.c.id).where(api_keys.c.project_id == project_id, api_keys.c.name == _KEY_NAME)
    if (known := connection.scalar(found)) is not None:
        return int(known)
    return insert_key(connection, project_id, _KEY_NAME, lookup="", hash=_NO_HASH, revoked_at=func.now())


def _state(connection: Connection, project_id: int, now: datetime) -> tuple[date, set[date]]:
    """Find the day all of it begins, and the days that are there."""
    made = connection.scalars(select(projects.c.created_at).where(projects.c.id == project_id)).one()
    days = set(connection.scalars(select(spend_day.c.day).where(spend_day.c.project_id == project_id)))
    return min(made, now).astimezone(UTC).date() - timedelta(days=DAYS - 1), days


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _ROWS_PER_STATEMENT)):
        yield batch


def _rows(days: list[date], first: date, now: datetime, key_id: int, progress: Callable[[str], None]) -> Iterator[Row]:
    """Price the usage of days; of today, what has passed."""
    for number, day in enumerate(days, 1):
        for event in day_of_usage(day, first):
            if event.occurred_at <= now:
                priced = pricing.priced(event)
                yield to_row(priced, priced.cost_usd, key_id)
        progress(f"{number} of {len(days)} days")


async def _store(url: str, project_id: int, rows: Iterator[Row]) -> None:
    flusher = Flusher(url)
    try:
        for batch in _batches(rows):
            await flusher.insert(project_id, batch)
    finally:
        await flusher.close()
