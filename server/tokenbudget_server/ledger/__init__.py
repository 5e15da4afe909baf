"""The server's ledger: closed days as Parquet in the data directory, today from Postgres, cubes in memory."""

from tokenbudget_server.ledger.day_cache import Days, days_of
from tokenbudget_server.ledger.snapshot import LedgerSnapshot
from tokenbudget_server.ledger.source import PostgresLedger

__all__ = ["Days", "LedgerSnapshot", "PostgresLedger", "days_of"]
