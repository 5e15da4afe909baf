"""What the server does to its tables by itself: partitions ahead of time, and the end of what is too old."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection

from tokenbudget_server.db.partitions import drop_partitions, ensure_partitions

_log = logging.getLogger(__name__)


def maintain(connection: Connection, retention: timedelta | None, now: datetime) -> None:
    """Make the partitions of the coming months and drop those in which everything is older than `retention`.

    Parameters
    ----------
    connection : Connection
        Transactions are committed on it.
    retention : timedelta or None
        None keeps everything.
    now : datetime
        The present, time-zone aware.
    """
    oldest = None if retention is None else now - retention
    made = ensure_partitions(connection, now, oldest)
    dropped = [] if oldest is None else drop_partitions(connection, oldest)
    if made or dropped:
        _log.info("Partitions made: %s; dropped: %s", ", ".join(made) or "none", ", ".join(dropped) or "none")
