"""What Alembic runs: `migrate` hands over the connection that holds the lock."""

from alembic import context

from tokenbudget_server.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
