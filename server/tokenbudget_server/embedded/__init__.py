"""Life cycle of the Postgres that the server brings along."""
