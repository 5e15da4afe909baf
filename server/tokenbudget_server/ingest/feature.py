"""Taking events in as a feature of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar.di import Provide

from tokenbudget_server.accounts.principal import Principal
from tokenbudget_server.ingest.routes import post_event, post_events
from tokenbudget_server.ingest.service import Ingest
from tokenbudget_server.pricing.prices import Prices
from tokenbudget_server.settings import Settings
from tokenbudget_server.store.writer import Writer
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.pools import Pool


def feature(settings: Settings, prices: Prices, decoding: Pool) -> Feature:
    """Make the feature."""
    writer = Writer(settings.database)
    ingest = Ingest(writer, prices, decoding, settings.retention)

    @asynccontextmanager
    async def writing() -> AsyncIterator[None]:
        await writer.start()
        try:
            yield
        finally:
            await writer.stop()

    def provide_ingest(principal: Principal) -> Ingest:  # noqa: ARG001
        # Dependencies that do not need each other are resolved in a task group: that costs more than both of them.
        return ingest

    return Feature(
        name="ingest",
        description="Events as the library sends them.",
        routes=[post_event, post_events],
        dependencies={
            "ingest": Dependency(
                provide=Provide(provide_ingest, sync_to_thread=False), problems=(400, 403, 408, 413, 415, 429)
            )
        },
        lifespans=[writing],
    )
