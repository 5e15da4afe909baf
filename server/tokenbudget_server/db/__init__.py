"""The database: its tables and migrations, locks, partitions, and how it is spread over a cluster."""

from tokenbudget_server.db.migrate import migrate

__all__ = ["migrate"]
