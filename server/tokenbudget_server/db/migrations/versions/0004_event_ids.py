"""Know every id by itself: an event that comes again with another time is the same event."""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"

# A unique key of `events` contains the time by which it is partitioned; this table has none and can do without.
EVENT_IDS = """
CREATE TABLE event_ids (
    project_id bigint NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_freeze_min_age = 0)
"""
BESIDE_EVENTS = "SELECT create_distributed_table('event_ids', 'project_id', colocate_with => 'events')"
# In the order of the key, in which an index grows at its end.
STORED = """
INSERT INTO event_ids (project_id, id, occurred_at)
SELECT project_id, id, min(occurred_at) FROM events GROUP BY project_id, id ORDER BY project_id, id
"""


def upgrade() -> None:
    op.execute(EVENT_IDS)
    connection = op.get_bind()
    if connection.scalar(text("SELECT to_regclass('pg_dist_partition') IS NOT NULL")) and connection.scalar(
        text("SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'events'::regclass")
    ):
        op.execute(BESIDE_EVENTS)
    op.execute(STORED)
