"""Say of events whether they are billed by the token, and what they would cost at list price where they are not."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE events ADD COLUMN list_cost_usd numeric(20, 12)")
    op.execute("ALTER TABLE events ADD COLUMN billing text NOT NULL DEFAULT 'api'")
