"""Let members invite others by a link that works once."""

from alembic import op

revision = "0012"
down_revision = "0011"

# A local table on Citus: it is read and written by itself, row by row.
INVITATIONS = """
CREATE TABLE invitations (
    id text PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    organisation_id bigint NOT NULL,
    invited_by bigint,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    team_id bigint,
    team_role text CHECK (team_role IN ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    op.execute(INVITATIONS)
