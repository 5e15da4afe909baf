"""Put events into a server's Postgres the way the server does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from tests.plugins import accounts
from tokenbudget.core.event import Event
from tokenbudget_server.store.rows import to_row
from tokenbudget_server.store.writer import Writer

KEY_ID = 7
_numbers = count(1)


def make_project(url: str) -> tuple[int, str]:
    """Make a project; gives its id and its name."""
    name = f"project {next(_numbers)}"
    return accounts.make_project(url, name), name


def store(url: str, project_id: int, events: Sequence[Event]) -> None:
    """Store events; what is there already is left alone."""

    async def write() -> None:
        writer = Writer(url)
        await writer.start()
        await writer.write(project_id, [to_row(event, event.cost_usd, KEY_ID) for event in events])
        await writer.stop()

    asyncio.run(write())
