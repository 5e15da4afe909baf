"""Return the installation an id; keep when periodic jobs are due, and what is to be done after a transaction."""

from alembic import op

revision = "0005"
down_revision = "0004"

INSTALLATION = """
CREATE TABLE installation (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation (id) VALUES (gen_random_uuid());
"""

# Local tables on Citus: each is read and written by itself, row by row.
JOBS = """
CREATE TABLE periodic_jobs (
    name text PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    succeeded_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    error text
);

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    not_before timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    done_at timestamptz
);
CREATE INDEX outbox_waiting ON outbox (not_before) WHERE done_at IS NULL;
"""


def upgrade() -> None:
    for statements in (INSTALLATION, JOBS):
        op.execute(statements)
