"""Tables, migrations, writer, rollups and queries on Postgres."""
