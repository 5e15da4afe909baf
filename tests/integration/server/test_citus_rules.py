"""What a sharded Postgres does not take, we neither have in the schema nor send.

Each rule is seen to find what breaks it: a rule that finds nothing anywhere is none.
"""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tokenbudget_server.db import migrate
from tokenbudget_server.db.distribute import DISTRIBUTED, LOCAL, REFERENCE
from tokenbudget_server.ledger import Days

pytestmark = pytest.mark.postgres

# The tables that grow, and their partitions.
GROWING = """
    grown AS (
        SELECT oid FROM pg_class WHERE relname = ANY (%(growing)s) AND relkind IN ('r', 'p')
        UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'events'::regclass
    )
"""
SCHEMA_RULES = {
    "every key contains the project": """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN grown ON grown.oid = i.indrelid
        WHERE i.indisunique AND NOT EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = i.indrelid AND a.attname = 'project_id' AND a.attnum = ANY (i.indkey))
    """,
    "no exclusion constraints": """
        SELECT conname FROM pg_constraint JOIN grown ON grown.oid = conrelid WHERE contype = 'x'
    """,
    "foreign keys only to reference tables": """
        SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND (conrelid IN (SELECT oid FROM grown) OR conrelid::regclass::text = ANY (%(reference)s))
              AND NOT confrelid::regclass::text = ANY (%(reference)s)
        UNION SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid IN (SELECT oid FROM grown)
    """,
    "no triggers": """
        SELECT tgname FROM pg_trigger JOIN grown ON grown.oid = tgrelid WHERE NOT tgisinternal
        UNION SELECT rulename FROM pg_rewrite JOIN grown ON grown.oid = ev_class
    """,
    "the project is a number that is always there": """
        SELECT grown.oid::regclass::text FROM grown LEFT JOIN pg_attribute a
            ON a.attrelid = grown.oid AND a.attname = 'project_id' AND a.attnotnull AND a.atttypid = 'bigint'::regtype
        WHERE a.attname IS NULL
    """,
    "partitions are one level deep": """
        SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'p'
    """,
    "numbers that Postgres gives are wide, and given by small tables alone": """
        SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE attidentity <> '' AND c.relnamespace = 'public'::regnamespace
              AND (atttypid <> 'bigint'::regtype OR attrelid IN (SELECT oid FROM grown))
    """,
    "no row-level security and no views": """
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND (c.relkind IN ('v', 'm') OR c.relrowsecurity)
    """,
}
BREAKS_THE_SCHEMA = [
    ("every key contains the project", "CREATE UNIQUE INDEX broken ON usage_15m (bucket)"),
    ("every key contains the project", "CREATE UNIQUE INDEX broken ON events_default (id)"),
    ("no exclusion constraints", "ALTER TABLE spend_day ADD EXCLUDE USING btree (day WITH =)"),
    ("foreign keys only to reference tables", "ALTER TABLE teams ADD p bigint REFERENCES price_rows"),
    (
        "foreign keys only to reference tables",
        "ALTER TABLE spend_day ADD UNIQUE (project_id); ALTER TABLE teams ADD s int8 REFERENCES spend_day (project_id)",
    ),
    (
        "no triggers",
        "CREATE TRIGGER broken BEFORE UPDATE ON spend_day EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    ("no triggers", "CREATE RULE broken AS ON DELETE TO usage_15m DO INSTEAD NOTHING"),
    ("the project is a number that is always there", "ALTER TABLE events RENAME project_id TO project"),
    (
        "partitions are one level deep",
        "CREATE TABLE deep PARTITION OF events FOR VALUES FROM ('2099-01-01') TO (MAXVALUE) PARTITION BY HASH (id)",
    ),
    (
        "numbers that Postgres gives are wide, and given by small tables alone",
        "ALTER TABLE spend_day ADD number bigint GENERATED ALWAYS AS IDENTITY",
    ),
    (
        "numbers that Postgres gives are wide, and given by small tables alone",
        "ALTER TABLE teams ADD number int GENERATED ALWAYS AS IDENTITY",
    ),
    ("no row-level security and no views", "CREATE VIEW broken AS SELECT * FROM events"),
]

_GROWING = rf"\b(?:{'|'.join(DISTRIBUTED)}|events_\w+)\b"
_LOCAL = rf"\b(?:{'|'.join(LOCAL)})\b"
_ONE_PROJECT = r"\bproject_id\s*=\s*(?:\$?\d+|%\()"
# Whole months, of all projects.
_MAINTENANCE = (
    r"^(?:DELETE FROM \w+ WHERE (?:occurred_at|bucket|day) [<>]|INSERT INTO events_\w+ SELECT \* FROM events_)"
)


def _writes(sql):
    return re.search(rf"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+{_GROWING}", sql, re.IGNORECASE)


def _conflicts(sql):
    """The targets of ON CONFLICT of every INSERT into a growing table."""
    parts = re.split(r"\bINSERT INTO\s+", sql, flags=re.IGNORECASE)[1:]
    ours = [part for part in parts if re.match(_GROWING, part)]
    return [
        match[1] or "" for part in ours if (match := re.search(r"ON CONFLICT\s*(?:\(([^)]*)\))?", part, re.IGNORECASE))
    ]


STATEMENT_RULES = {
    "what must not be there twice is told apart by project": lambda sql: all(
        "project_id" in target for target in _conflicts(sql)
    ),
    "rows are locked in one project": lambda sql: (
        not re.search(r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE|KEY SHARE)\b", sql, re.IGNORECASE)
        or re.search(_ONE_PROJECT, sql)
        or bool(re.match(rf"UPDATE {_LOCAL}", sql))  # Queues are local.
    ),
    "no grouping sets": lambda sql: not re.search(r"\b(?:GROUPING SETS|CUBE\s*\(|ROLLUP\s*\()", sql, re.IGNORECASE),
    "no concurrent detaching": lambda sql: (
        not re.search(r"\bDETACH PARTITION\b.*\bCONCURRENTLY\b", sql, re.IGNORECASE | re.DOTALL)
    ),
    "no triggers": lambda sql: not re.search(r"\bCREATE (?:CONSTRAINT )?TRIGGER\b", sql, re.IGNORECASE),
    "local tables are asked for by themselves": lambda sql: not (re.search(_GROWING, sql) and re.search(_LOCAL, sql)),
    "reference tables are not changed by what the growing ones say": lambda sql: (
        not (re.search(rf"\bUPDATE\s+(?:{'|'.join(REFERENCE)})\b", sql, re.IGNORECASE) and re.search(_GROWING, sql))
    ),
    "events are written and changed in one project": lambda sql: (
        not _writes(sql)
        or re.search(_MAINTENANCE, sql)
        or re.search(_ONE_PROJECT, sql)
        or bool(re.search(r"INSERT INTO events \(project_id, .*? SELECT (?:\$\d+|%\()", sql, re.IGNORECASE))
    ),
    "the numbers of transactions order nothing": lambda sql: not re.search(r"\bxmin\b(?! *$)", _without_horizon(sql)),
    "no temporary or unlogged copies of what grows": lambda sql: (
        not (re.search(r"\bCREATE (?:TEMP|TEMPORARY|UNLOGGED)\b", sql, re.IGNORECASE) and re.search(_GROWING, sql))
    ),
}
BREAKS_A_STATEMENT_RULE = [
    (
        "what must not be there twice is told apart by project",
        "INSERT INTO events (id) VALUES (1) ON CONFLICT (occurred_at, id) DO NOTHING",
    ),
    (
        "what must not be there twice is told apart by project",
        """WITH a AS (INSERT INTO events (id) SELECT 1 ON CONFLICT (project_id, id) DO NOTHING RETURNING id)
           INSERT INTO spend_day AS t (day) SELECT 1 FROM a ON CONFLICT (day) DO UPDATE SET rev = 1""",
    ),
    (
        "what must not be there twice is told apart by project",
        "INSERT INTO events (id) VALUES (1) ON CONFLICT DO NOTHING",
    ),
    ("rows are locked in one project", "SELECT * FROM spend_day WHERE day = $1 FOR UPDATE SKIP LOCKED"),
    ("no grouping sets", "SELECT model, sum(cost_usd) FROM events GROUP BY ROLLUP (model)"),
    ("no concurrent detaching", "ALTER TABLE events DETACH PARTITION events_2020_01 CONCURRENTLY"),
    ("no triggers", "CREATE TRIGGER t BEFORE INSERT ON events EXECUTE FUNCTION f()"),
    (
        "local tables are asked for by themselves",
        "SELECT (SELECT count(*) FROM events WHERE model = key) FROM price_rows",
    ),
    (
        "reference tables are not changed by what the growing ones say",
        "UPDATE projects SET spent = s.cost FROM (SELECT project_id, sum(cost_usd) cost FROM spend_day GROUP BY 1) s",
    ),
    ("events are written and changed in one project", "UPDATE events SET cost_usd = 0 WHERE model = 'm'"),
    ("the numbers of transactions order nothing", "SELECT id FROM events e WHERE e.xmin::text::bigint > 5"),
    ("no temporary or unlogged copies of what grows", "CREATE TEMP TABLE mine AS SELECT * FROM events"),
]


def _without_horizon(sql):
    return sql.replace("pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin", "")


def broken(connection, rule):
    names = {"growing": list(DISTRIBUTED), "reference": list(REFERENCE)}
    return connection.execute(f"WITH {GROWING} {SCHEMA_RULES[rule]}", names).fetchall()


@pytest.mark.parametrize("rule", SCHEMA_RULES)
def test_the_schema_keeps_the_rule(postgres_url, rule):
    with psycopg.connect(postgres_url) as connection:
        assert broken(connection, rule) == []


@pytest.mark.parametrize(("rule", "change"), BREAKS_THE_SCHEMA)
def test_a_schema_that_breaks_the_rule_is_found(postgres_url, rule, change):
    with psycopg.connect(postgres_url) as connection:
        connection.execute(change)
        assert broken(connection, rule)


def test_every_rule_of_the_schema_is_seen_broken():
    assert {rule for rule, _ in BREAKS_THE_SCHEMA} == set(SCHEMA_RULES)


@pytest.mark.parametrize(("rule", "sql"), BREAKS_A_STATEMENT_RULE)
def test_a_statement_that_breaks_the_rule_is_found(rule, sql):
    assert not STATEMENT_RULES[rule](sql)


def test_every_rule_of_statements_is_seen_broken():
    assert {rule for rule, _ in BREAKS_A_STATEMENT_RULE} == set(STATEMENT_RULES)


@pytest.fixture
def logged(postgres_server, postgres_url, make_coordinator):
    """Return the statements sent from now on to this test's database, which takes itself for a coordinator."""
    make_coordinator(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET log_statement = 'all'")
    begin = postgres_server.log_path.stat().st_size

    def statements():
        with postgres_server.log_path.open() as log:
            log.seek(begin)
            return sent(log.read())

    return statements


def sent(log):
    """Read the statements in a log of Postgres; lines that begin with a tab go on with the one before."""
    entries = re.split(r"\n(?!\t)", log)
    found = [re.search(r"LOG: +(?:statement|execute [^:]*): (.*)", entry, re.DOTALL) for entry in entries]
    return {re.sub(r"\s+", " ", match[1]).strip() for match in found if match}


@pytest.mark.timeout(300)
def test_no_statement_that_is_sent_breaks_a_rule(logged, client, post, make_event, settings, maintain):
    now = datetime.now(UTC)
    days = [(now - timedelta(days=days, minutes=1)).isoformat() for days in (0, 1, 3, 40)]
    events = [make_event(occurred_at=day, tags={"feature": "f"}) for day in days]
    strayed = make_event(occurred_at="2021-03-01T00:00:00Z")
    assert post(*events, make_event(model="unheard-of"), strayed)["accepted"] == 6
    assert post(*events)["duplicates"] == 4
    ask_everything(client)
    assert post(make_event(occurred_at=days[2]))["accepted"] == 1  # Late: the day is read anew.
    ask_everything(client)
    spoil_prices(settings.database)
    for path, body in (("/api/reprice", {"period": "90d", "dry_run": False}), ("/api/projects/1/keys", {"name": "k"})):
        assert client.post(path, json=body).status_code < 300, path
    assert client.delete("/api/keys/2").status_code < 300
    migrate(settings.database)
    maintain(settings.database, timedelta(days=400), now)
    rebuilding = Days(settings.database, settings.ledger)
    assert list(rebuilding.rebuild())
    rebuilding.close()

    statements = logged()
    for needed in ("INSERT INTO usage_15m", "UPDATE events", "FROM spend_day", "events_2021_03", "DROP TABLE"):
        assert any(needed in statement for statement in statements), needed
    found = {rule: [sql for sql in statements if not keeps(sql)] for rule, keeps in STATEMENT_RULES.items()}
    assert {rule: sql for rule, sql in found.items() if sql} == {}


def spoil_prices(url):
    """Leave something to be priced again, unseen by the log."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET log_statement = 'none'")
        connection.execute("UPDATE events SET cost_usd = 1 WHERE cost_usd IS NOT NULL")


def ask_everything(client):
    paths = [
        "/api/analytics/summary?period=90d",
        "/api/analytics/by-model?period=90d",
        "/api/analytics/by-tag?period=90d&key=feature",
        "/api/analytics/by-project?period=90d",
        "/api/analytics/timeseries?period=90d&by=model",
        "/api/events?period=90d&limit=2",
        "/api/projects",
        "/api/keys",
        "/api/price-changes",
        "/v1/pricing",
        "/health",
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
