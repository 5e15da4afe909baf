"""Keep who would like to hear of the product."""

from alembic import op

revision = "0010"
down_revision = "0009"

# A local table on Citus: it is read and written by itself, row by row.
WAITLIST = """
CREATE TABLE waitlist (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text,
    note text,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


def upgrade() -> None:
    op.execute(WAITLIST)
