"""Know a key that replaced another one by what its maker called the request."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
    op.execute("ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS rotation text")
    op.execute("CREATE UNIQUE INDEX IF NOT EXISTS api_keys_rotation ON api_keys (rotation)")
