"""Give projects a slug, a colour, a description and an end: archived ones are kept, and left out of lists."""

from alembic import op
from sqlalchemy import text

from tokenbudget_server.accounts.slugs import first_free, slug_of

revision = "0011"
down_revision = "0010"

COLUMNS = (
    "ADD COLUMN slug text",
    "ADD COLUMN colour text NOT NULL DEFAULT ''",
    "ADD COLUMN description text NOT NULL DEFAULT ''",
    "ADD COLUMN archived_at timestamptz",
)
# The default is for servers of the version before, which go on making projects while they are being replaced.
SLUG = (
    "ALTER COLUMN slug SET NOT NULL",
    "ALTER COLUMN slug SET DEFAULT 'project-' || replace(gen_random_uuid()::text, '-', '')",
    "ADD CONSTRAINT projects_organisation_id_slug_key UNIQUE (organisation_id, slug)",
)


def upgrade() -> None:
    op.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
    _change(COLUMNS)
    _name_projects()
    _change(SLUG)


def _change(changes: tuple[str, ...]) -> None:
    for change in changes:
        op.execute(f"ALTER TABLE projects {change}")


def _name_projects() -> None:
    connection = op.get_bind()
    taken: dict[int, set[str]] = {}
    for id_, organisation, name in connection.execute(
        text("SELECT id, organisation_id, name FROM projects ORDER BY id")
    ).all():
        others = taken.setdefault(organisation, set())
        slug = first_free(slug_of(name), others)
        others.add(slug)
        connection.execute(text("UPDATE projects SET slug = :slug WHERE id = :id"), {"slug": slug, "id": id_})
