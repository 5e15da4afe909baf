"""Let sessions end at a time of their own: tokens for pages of other origins do."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("ALTER TABLE sessions ADD COLUMN IF NOT EXISTS expires_at timestamptz")
