"""Let people sign in with a browser: passwords, sessions, and codes that begin one."""

from alembic import op

revision = "0008"
down_revision = "0007"

# Local tables on Citus: each is read and written by itself, row by row.
SESSIONS = """
CREATE TABLE IF NOT EXISTS sessions (
    id text PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    api_key_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    address text,
    user_agent text
);
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);

CREATE TABLE IF NOT EXISTS sign_in_codes (
    hash text PRIMARY KEY,
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    api_key_id bigint,
    expires_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
    op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS password_hash text")
    op.execute(SESSIONS)
