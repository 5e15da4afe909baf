"""Keep the last characters of new keys, so that people tell keys apart that begin alike."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
    op.execute("ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS ending text")
