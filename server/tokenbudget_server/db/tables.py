"""The tables, for queries that are put together in Python; the migrations create them, a test compares the two.

What makes them fit for Citus: every key of a table that grows with events contains ``project_id``, by which such a
table is distributed; nothing points at those tables, and they point at nothing (docs/explanation/storage.md).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "api_keys",
    "audit",
    "event_ids",
    "events",
    "installation",
    "invitations",
    "memberships",
    "metadata",
    "organisations",
    "outbox",
    "periodic_jobs",
    "price_changes",
    "price_overrides",
    "price_rows",
    "price_state",
    "projects",
    "sessions",
    "sign_in_codes",
    "spend_day",
    "team_memberships",
    "teams",
    "usage_15m",
    "users",
    "waitlist",
]

metadata = MetaData()
instant = DateTime(timezone=True)
usd = Numeric(20, 12)
"""An event's cost: whole picodollars, up to a hundred million dollars."""
usd_total = Numeric(30, 12)
"""Sums of costs."""
PUBLIC_ID = "'key_' || replace(gen_random_uuid()::text, '-', '')"
SOME_SLUG = "'project-' || replace(gen_random_uuid()::text, '-', '')"
ALL_SCOPES = "'{ingest,import,read,admin}'"
"""What a key may do unless it is made for less."""

_EVENT_KEY = ("project_id", "occurred_at", "id")
_ID_KEY = ("project_id", "id")
_USAGE_KEY = ("project_id", "bucket", "api_key_id", "provider", "model", "operation", "status", "shard")
_SPEND_KEY = ("project_id", "day", "api_key_id", "shard")


def _identity() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _made() -> Column[object]:
    return Column("created_at", instant, nullable=False, server_default=func.now())


def _recorded() -> Column[object]:
    return Column("recorded_at", instant, nullable=False, server_default=func.now())


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _role() -> Column[str]:
    return Column("role", Text, CheckConstraint("role IN ('owner', 'admin', 'member', 'viewer')"), nullable=False)


def _in_organisation(column: str, table: str) -> ForeignKeyConstraint:
    """Point at a row of the same organisation."""
    return ForeignKeyConstraint(["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"])


def _part(name: str, type_: object, key: tuple[str, ...]) -> Column[object]:
    return Column(name, type_, primary_key=name in key, nullable=False, autoincrement=False)  # type: ignore[arg-type]


organisations = Table(
    "organisations", metadata, _identity(), Column("name", Text, nullable=False, unique=True), _made()
)

teams = Table(
    "teams",
    metadata,
    _identity(),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    _made(),
    UniqueConstraint("organisation_id", "name"),
    UniqueConstraint("organisation_id", "id"),
)

users = Table(
    "users",
    metadata,
    _identity(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    _made(),
)
"""People; what they may do, and where, their memberships say."""

memberships = Table(
    "memberships",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    _role(),
    _made(),
)
"""Who belongs to an organisation; an owner's or admin's role holds in all its teams."""

team_memberships = Table(
    "team_memberships",
    metadata,
    Column("organisation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("team_id", BigInteger, primary_key=True, autoincrement=False),
    _role(),
    _made(),
    ForeignKeyConstraint(
        ["organisation_id", "user_id"], ["memberships.organisation_id", "memberships.user_id"], ondelete="CASCADE"
    ),
    _in_organisation("team_id", "teams"),
)
"""Which teams a member of the organisation belongs to."""

projects = Table(
    "projects",
    metadata,
    _identity(),
    Column("organisation_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("team_id", BigInteger, nullable=False),
    Column("is_demo", Boolean, nullable=False, server_default=text("false")),
    Column("slug", Text, nullable=False, server_default=text(SOME_SLUG)),
    Column("colour", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("archived_at", instant),
    _made(),
    UniqueConstraint("organisation_id", "name"),
    UniqueConstraint("organisation_id", "slug"),
    UniqueConstraint("organisation_id", "id"),
    _in_organisation("team_id", "teams"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _identity(),
    Column("public_id", Text, nullable=False, unique=True, server_default=text(PUBLIC_ID)),
    Column("lookup", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("ending", Text),
    Column("name", Text, nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("team_id", BigInteger),
    Column("project_id", BigInteger),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text(ALL_SCOPES)),
    _made(),
    Column("expires_at", instant),
    Column("last_used_at", instant),
    Column("revoked_at", instant),
    Column("rotation", Text),
    Index("api_keys_lookup", "lookup"),
    Index("api_keys_rotation", "rotation", unique=True),
    _in_organisation("team_id", "teams"),
    _in_organisation("project_id", "projects"),
)
"""``lookup`` is the first 8 characters after ``tb_ak_``, ``ending`` the last 4 (null of a key that is older than the
column), ``hash`` the bcrypt hash of the whole key, ``public_id`` how people name it.  ``user_id`` made it;
``rotation`` is the digest of what the request was called that made it in place of another; ``project_id`` is where its
events go; `tokenbudget_server.web.scope` says what it sees.
"""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("organisation_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("api_key_id", BigInteger),
    _made(),
    Column("last_seen_at", instant, nullable=False, server_default=func.now()),
    Column("address", Text),
    Column("user_agent", Text),
    Column("expires_at", instant),
    Index("sessions_user", "user_id"),
)
"""Browsers that a user signed in with.  ``hash`` is that of what the cookie holds; a session that began with an API key
may do what that may, and ends with it.  It points at nothing, so that it stays on one node.
"""

sign_in_codes = Table(
    "sign_in_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("organisation_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("api_key_id", BigInteger),
    Column("expires_at", instant, nullable=False),
)
"""What begins a session once, within minutes, as whoever made it; it is deleted when it is used."""

events = Table(
    "events",
    metadata,
    _part("project_id", BigInteger, _EVENT_KEY),
    _part("occurred_at", instant, _EVENT_KEY),
    _part("id", Uuid, _EVENT_KEY),
    Column("received_at", instant, nullable=False, server_default=func.now()),
    Column("api_key_id", BigInteger, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("latency_ms", Double),
    Column("time_to_first_token_ms", Double),
    Column("attempts", Integer, nullable=False),
    Column("batch", Boolean, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("requested_model", Text),
    Column("status", Text, nullable=False),
    Column("measured", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("cost_usd", usd),
    Column("client_cost_usd", usd),
    Column("unpriced", Text),
    Column("price_key", Text),
    Column("service_tier", Text),
    Column("speed", Text),
    Column("region", Text),
    Column("error_type", Text),
    Column("response_id", Text),
    Column("usage_rest", JSONB),
    Column("tags", JSONB),
    Column("metadata", JSONB),
    Column("warnings", JSONB),
    Column("original_cost_usd", usd),
    Column("repriced_at", instant),
    Column("list_cost_usd", usd),
    Column("billing", Text, nullable=False, server_default="api"),
    Index("events_occurred_at", "occurred_at", postgresql_using="brin"),
    postgresql_partition_by="RANGE (occurred_at)",
)
"""One row per model call, partitioned by month.

``cost_usd`` is the server's price, ``client_cost_usd`` what the client had worked out.  ``usage_rest`` holds what the
columns do not: the rarer token counts, tools, units, passes and the provider's own bill; it is null where there is
nothing, as are ``tags``, ``metadata`` and ``warnings``.  Once an event was priced again, ``repriced_at`` says when
last, and ``original_cost_usd`` what it cost before the first time (null: it had no price).  ``list_cost_usd`` is what
it would cost at list price, where that is not ``cost_usd``: a plan with a fixed price covers it (``billing``), or its
tokens were prepaid.
"""

event_ids = Table(
    "event_ids",
    metadata,
    _part("project_id", BigInteger, _ID_KEY),
    _part("id", Uuid, _ID_KEY),
    _part("occurred_at", instant, _ID_KEY),
)
"""Every id once, and the time of the event that has it.

The key of ``events`` has to contain the time by which it is partitioned: alone, it would take an id again that comes
with another time.
"""

usage_15m = Table(
    "usage_15m",
    metadata,
    _part("project_id", BigInteger, _USAGE_KEY),
    _part("bucket", instant, _USAGE_KEY),
    _part("api_key_id", BigInteger, _USAGE_KEY),
    _part("provider", Text, _USAGE_KEY),
    _part("model", Text, _USAGE_KEY),
    _part("operation", Text, _USAGE_KEY),
    _part("status", Text, _USAGE_KEY),
    _part("shard", SmallInteger, _USAGE_KEY),
    _count("requests"),
    _count("unpriced"),
    _count("estimated"),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cache_read_tokens"),
    _count("cache_write_tokens"),
    _count("reasoning_tokens"),
    Column("cost_usd", usd_total, nullable=False, server_default="0"),
)
"""Sums per quarter of an hour, kept by the transaction that stores the events."""

spend_day = Table(
    "spend_day",
    metadata,
    _part("project_id", BigInteger, _SPEND_KEY),
    _part("day", Date, _SPEND_KEY),
    _part("api_key_id", BigInteger, _SPEND_KEY),
    _part("shard", SmallInteger, _SPEND_KEY),
    _count("requests"),
    _count("unpriced"),
    Column("cost_usd", usd_total, nullable=False, server_default="0"),
    _count("rev"),
)
"""Spend per UTC day; ``rev`` counts changes, so that equal sums mean that nothing of the day changed."""

price_rows = Table(
    "price_rows",
    metadata,
    _identity(),
    Column("key", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("prices", JSON, nullable=False),
    Column("source", Text, nullable=False),
    Column("effective_from", instant),
    Column("listed", Boolean, nullable=False),
    _recorded(),
)
"""The price book, row by row as `tokenbudget.pricing.PriceRow`; only ever appended to."""

price_overrides = Table(
    "price_overrides",
    metadata,
    _identity(),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prices", JSON, nullable=False),
    Column("effective_from", instant),
    Column("note", Text, nullable=False),
    _recorded(),
)
"""Prices of this installation's own, as `tokenbudget.pricing.Override`; only ever appended to."""

price_changes = Table(
    "price_changes",
    metadata,
    _identity(),
    Column("key", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("before", Numeric),
    Column("after", Numeric),
    Column("effective_from", instant),
    Column("source", Text, nullable=False),
    _recorded(),
)
"""What newer tables changed, price by price."""

price_state = Table(
    "price_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("revision", Text, nullable=False),
    Column("bundled", Text, nullable=False),
    Column("url", Text),
    Column("etag", Text),
    Column("synced_at", instant),
)
"""One row: ``version`` grows with every change of the prices, so that each process sees that its own are old.

``revision`` names the table the book was last brought up to, ``bundled`` the one that came with the library;
``url``, ``etag`` and ``synced_at`` are of the last sync.
"""

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("organisation_id", BigInteger, nullable=False),
    Column("invited_by", BigInteger),
    Column("email", Text, nullable=False),
    _role(),
    Column("team_id", BigInteger),
    Column("team_role", Text, CheckConstraint("team_role IN ('owner', 'admin', 'member', 'viewer')")),
    _made(),
    Column("expires_at", instant, nullable=False),
)
"""Who may become a member by a link, once."""

installation = Table("installation", metadata, Column("id", Uuid, primary_key=True), _made())
"""One row: what tells this installation from others."""

periodic_jobs = Table(
    "periodic_jobs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", instant, nullable=False, server_default=func.now()),
    Column("ended_at", instant),
    Column("succeeded_at", instant),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("error", Text),
)
"""Jobs that one process at a time does (`tokenbudget_server.jobs.periodic`); ``failures`` since the last success."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    _made(),
    Column("not_before", instant, nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("done_at", instant),
    Index("outbox_waiting", "not_before", postgresql_where=text("done_at IS NULL")),
)
"""What is to be done after a transaction (`tokenbudget_server.jobs.outbox`)."""

audit = Table(
    "audit",
    metadata,
    _identity(),
    Column("at", instant, nullable=False, server_default=func.now()),
    Column("organisation_id", BigInteger),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text),
    Column("user_id", BigInteger),
    Column("address", Text),
    Column("action", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Index("audit_organisation", "organisation_id", "id"),
)
"""Who did what, to what; only ever appended to, by `tokenbudget_server.web.audit`.

It points at nothing, as it outlives what it tells of.  ``organisation_id`` is null where the act concerned the whole
installation, such as its prices.
"""

waitlist = Table(
    "waitlist",
    metadata,
    _identity(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text),
    Column("note", Text),
    _made(),
)
"""Who would like to hear of the product."""
