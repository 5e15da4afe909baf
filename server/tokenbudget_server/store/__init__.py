"""Tables, migrations, writer, rollups and queries on Postgres."""

from tokenbudget_server.store.migrate import migrate

__all__ = ["migrate"]
