"""Fetch the price table every day."""

from __future__ import annotations

import logging
from datetime import timedelta

from tokenbudget_server.db.locks import PRICE_SYNC
from tokenbudget_server.jobs.periodic import Periodic
from tokenbudget_server.pricing.sync import PriceSync

_log = logging.getLogger(__name__)


def daily_sync(sync: PriceSync) -> Periodic:
    """Return the job that fetches the table once a day."""

    async def run() -> None:
        done = await sync.sync()
        _log.info("Prices synced: %s", done)
        for held in done.to_confirm:
            _log.warning("A price moved more than tenfold and waits to be confirmed: %s", held)

    return Periodic(name="sync-prices", every=timedelta(days=1), run=run, lock=PRICE_SYNC)
