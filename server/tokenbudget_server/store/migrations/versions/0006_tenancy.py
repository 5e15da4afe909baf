"""Let organisations share an installation, and keep a record of who did what.

What exists goes into one organisation: teams and projects keep their ids, users become its members (admins its owners),
keys keep working and seeing what they saw.
"""

import secrets

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"

DEFAULT = "default"
EXISTS = "SELECT EXISTS (SELECT FROM teams) OR EXISTS (SELECT FROM users)"

ON_EVERY_NODE = """
SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'teams'::regclass AND repmodel = 't')
"""
ORGANISATIONS = """
CREATE TABLE organisations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
# One change and one name each: where tables are spread over nodes, a constraint comes by itself, and not nameless.
TEAMS = """
ALTER TABLE teams ADD CONSTRAINT teams_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisations;
ALTER TABLE teams DROP CONSTRAINT teams_name_key;
ALTER TABLE teams ADD CONSTRAINT teams_organisation_id_name_key UNIQUE (organisation_id, name);
ALTER TABLE teams ADD CONSTRAINT teams_organisation_id_id_key UNIQUE (organisation_id, id)
"""
MEMBERSHIPS = """
CREATE TABLE memberships (
    organisation_id bigint NOT NULL REFERENCES organisations,
    user_id bigint NOT NULL REFERENCES users,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, user_id)
)
"""
# Nobody joins a team: members would see its other projects, which they do not see today.
MEMBERS = """
INSERT INTO memberships (organisation_id, user_id, role)
SELECT o.id, u.id, CASE WHEN u.is_admin THEN 'owner' ELSE 'member' END FROM organisations o CROSS JOIN users u
"""
TEAM_MEMBERSHIPS = """
CREATE TABLE team_memberships (
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    team_id bigint NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, user_id, team_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES memberships (organisation_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, team_id) REFERENCES teams (organisation_id, id)
)
"""
PROJECTS = """
ALTER TABLE projects DROP CONSTRAINT projects_name_key;
ALTER TABLE projects DROP CONSTRAINT projects_team_id_fkey;
ALTER TABLE projects ADD CONSTRAINT projects_organisation_id_name_key UNIQUE (organisation_id, name);
ALTER TABLE projects ADD CONSTRAINT projects_organisation_id_id_key UNIQUE (organisation_id, id);
ALTER TABLE projects ADD CONSTRAINT projects_organisation_id_team_id_fkey
    FOREIGN KEY (organisation_id, team_id) REFERENCES teams (organisation_id, id)
"""
KEYS = """
ALTER TABLE api_keys ADD COLUMN team_id bigint;
ALTER TABLE api_keys ADD COLUMN scopes text[] NOT NULL DEFAULT '{ingest,import,read,admin}';
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
ALTER TABLE api_keys ADD COLUMN public_id text;
ALTER TABLE api_keys ALTER COLUMN project_id DROP NOT NULL;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_project_id_fkey;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_organisation_id_fkey
    FOREIGN KEY (organisation_id) REFERENCES organisations;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_organisation_id_team_id_fkey
    FOREIGN KEY (organisation_id, team_id) REFERENCES teams (organisation_id, id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_organisation_id_project_id_fkey
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects (organisation_id, id)
"""
PUBLIC_ID = """
ALTER TABLE api_keys ALTER COLUMN public_id SET NOT NULL;
ALTER TABLE api_keys ALTER COLUMN public_id SET DEFAULT 'key_' || replace(gen_random_uuid()::text, '-', '');
ALTER TABLE api_keys ADD CONSTRAINT api_keys_public_id_key UNIQUE (public_id)
"""
AUDIT = """
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    organisation_id bigint,
    actor_kind text NOT NULL,
    actor_id text,
    user_id bigint,
    address text,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id text NOT NULL,
    before jsonb,
    after jsonb
);
CREATE INDEX audit_organisation ON audit (organisation_id, id)
"""


def upgrade() -> None:
    # On a distributed database all of this is one transaction on every node; plain Postgres does not mind the setting.
    op.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
    _create("organisations", ORGANISATIONS)
    organisation = _first_organisation()
    for table in ("teams", "projects", "api_keys"):
        _add_organisation(table, organisation)
    _change(TEAMS)
    _create("memberships", MEMBERSHIPS)
    op.execute(MEMBERS)
    op.execute("ALTER TABLE users DROP COLUMN is_admin")
    _create("team_memberships", TEAM_MEMBERSHIPS)
    _change(PROJECTS)
    _change(KEYS)
    _name_keys()
    _change(AUDIT)


def _change(statements: str) -> None:
    for statement in statements.split(";"):
        op.execute(statement)


def _create(table: str, statement: str) -> None:
    """Create a table beside those of the accounts: on every node where they are on every node."""
    op.execute(statement)
    ask = op.get_bind().scalar
    if ask(text("SELECT to_regclass('pg_dist_partition') IS NOT NULL")) and ask(text(ON_EVERY_NODE)):
        op.execute(f"SELECT create_reference_table('{table}')")


def _first_organisation() -> int | None:
    """Make the organisation that everything goes into; none where there is nothing yet."""
    if not op.get_bind().scalar(text(EXISTS)):
        return None
    made = text("INSERT INTO organisations (name) VALUES (:name) RETURNING id")
    return int(op.get_bind().execute(made, {"name": DEFAULT}).scalar_one())


def _add_organisation(table: str, organisation: int | None) -> None:
    # A default that goes again, rather than an UPDATE: one change of the schema, however many rows there are.
    default = "" if organisation is None else f" DEFAULT {organisation}"
    op.execute(f"ALTER TABLE {table} ADD COLUMN organisation_id bigint NOT NULL{default}")
    if default:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN organisation_id DROP DEFAULT")


def _name_keys() -> None:
    """Give each key its public id, made here: a copy of the table on another node would make its own."""
    connection = op.get_bind()
    ids = connection.scalars(text("SELECT id FROM api_keys")).all()
    if ids:
        named = [{"id": id_, "public_id": f"key_{secrets.token_hex(16)}"} for id_ in ids]
        connection.execute(text("UPDATE api_keys SET public_id = :public_id WHERE id = :id"), named)
    _change(PUBLIC_ID)
