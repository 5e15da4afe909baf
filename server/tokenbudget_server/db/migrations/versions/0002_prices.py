"""Keep prices with their dates, what changed when, and what events cost before they were priced again."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Small tables without a project: reference tables on Citus.  ``json`` keeps every digit as it was written.
PRICES = """
CREATE TABLE price_rows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    provider text NOT NULL,
    mode text NOT NULL,
    prices json NOT NULL,
    source text NOT NULL,
    effective_from timestamptz,
    listed boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE price_overrides (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    model text NOT NULL,
    prices json NOT NULL,
    effective_from timestamptz,
    note text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE price_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    provider text NOT NULL,
    kind text NOT NULL,
    field text NOT NULL,
    before numeric,
    after numeric,
    effective_from timestamptz,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE price_state (
    id smallint PRIMARY KEY,
    version bigint NOT NULL,
    revision text NOT NULL,
    bundled text NOT NULL,
    url text,
    etag text,
    synced_at timestamptz
);
INSERT INTO price_state (id, version, revision, bundled) VALUES (1, 0, '', '');
"""

ORIGINAL_COST = """
ALTER TABLE events ADD COLUMN original_cost_usd numeric(20, 12), ADD COLUMN repriced_at timestamptz;
"""


def upgrade() -> None:
    for statements in (PRICES, ORIGINAL_COST):
        op.execute(statements)
