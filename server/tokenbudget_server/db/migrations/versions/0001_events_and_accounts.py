"""Create accounts, events and the rollups."""

from alembic import op

revision = "0001"
down_revision = None

ACCOUNTS = """
CREATE TABLE teams (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    is_admin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    team_id bigint NOT NULL REFERENCES teams,
    is_demo boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lookup text NOT NULL,
    hash text NOT NULL,
    name text NOT NULL,
    project_id bigint NOT NULL REFERENCES projects,
    user_id bigint NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX api_keys_lookup ON api_keys (lookup);
"""

# Wide types first: Postgres aligns each column, and a row of events has many.
EVENTS = """
CREATE TABLE events (
    project_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    api_key_id bigint NOT NULL,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    latency_ms double precision,
    time_to_first_token_ms double precision,
    attempts integer NOT NULL,
    batch boolean NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    operation text NOT NULL,
    requested_model text,
    status text NOT NULL,
    measured text NOT NULL,
    source text NOT NULL,
    cost_usd numeric(20, 12),
    client_cost_usd numeric(20, 12),
    unpriced text,
    price_key text,
    service_tier text,
    speed text,
    region text,
    error_type text,
    response_id text,
    usage_rest jsonb,
    tags jsonb,
    metadata jsonb,
    warnings jsonb,
    PRIMARY KEY (project_id, occurred_at, id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX events_occurred_at ON events USING brin (occurred_at);
CREATE TABLE events_default PARTITION OF events DEFAULT;
"""

# A row is updated often and in place: room on each page keeps those updates off the index.
ROLLUPS = """
CREATE TABLE usage_15m (
    project_id bigint NOT NULL,
    bucket timestamptz NOT NULL,
    api_key_id bigint NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    operation text NOT NULL,
    status text NOT NULL,
    shard smallint NOT NULL,
    requests bigint NOT NULL DEFAULT 0,
    unpriced bigint NOT NULL DEFAULT 0,
    estimated bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    reasoning_tokens bigint NOT NULL DEFAULT 0,
    cost_usd numeric(30, 12) NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, bucket, api_key_id, provider, model, operation, status, shard)
) WITH (fillfactor = 50);

CREATE TABLE spend_day (
    project_id bigint NOT NULL,
    day date NOT NULL,
    api_key_id bigint NOT NULL,
    shard smallint NOT NULL,
    requests bigint NOT NULL DEFAULT 0,
    unpriced bigint NOT NULL DEFAULT 0,
    cost_usd numeric(30, 12) NOT NULL DEFAULT 0,
    rev bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, day, api_key_id, shard)
) WITH (fillfactor = 50);
"""


def upgrade() -> None:
    for statements in (ACCOUNTS, EVENTS, ROLLUPS):
        op.execute(statements)
