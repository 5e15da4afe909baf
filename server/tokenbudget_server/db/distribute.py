"""Turn a database on a Citus coordinator into a distributed one.

Where each table goes is decided here, once.  What is left to do is read from Citus' own catalogue each time, and each
step is one statement that Citus does completely or not at all: killed half-way, the command goes on where it stopped,
and on a distributed database it does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from tokenbudget_server.db.locks import MAINTENANCE, MIGRATION
from tokenbudget_server.db.url import psycopg_url
from tokenbudget_server.web.errors import DistributionError, StoreUnavailableError

DISTRIBUTED = ("events", "usage_15m", "spend_day", "event_ids")
"""Grow with usage: spread by ``project_id``, each project's rows of all of them on one node.  The first leads."""
REFERENCE = ("organisations", "teams", "users", "memberships", "team_memberships", "projects", "api_keys")
"""Small, and joined to events: a copy on every node.  A table comes after those that it points at."""
LOCAL = (
    *("price_rows", "price_overrides", "price_changes", "price_state"),
    *("installation", "periodic_jobs", "outbox", "audit", "alembic_version"),
    *("sessions", "sign_in_codes", "invitations", "waitlist"),
)
"""Read by themselves alone: they stay on the coordinator."""

COLUMN = "project_id"
OLDEST_CITUS = 12
"""Earlier ones do not take identity columns in reference tables."""
_PATIENCE_SECONDS = 3.0
"""For sessions that are closing."""

_CITUS = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'citus') AS version,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus') AS is_available,
       current_database() AS database
"""
_NODES = """
SELECT (SELECT groupid FROM pg_dist_local_group) AS here,
       count(*) FILTER (WHERE groupid = 0) AS coordinators,
       count(*) FILTER (WHERE groupid <> 0 AND isactive AND noderole = 'primary') AS workers
FROM pg_dist_node
"""
# As Citus notes it: 'h' is spread by hash; of those that are not, the ones copied in two phases ('t') are reference.
_PLACED = """
SELECT c.relname AS name,
       CASE WHEN p.partmethod = 'h' THEN 'distributed by ' || column_to_column_name(p.logicalrelid, p.partkey)
            WHEN p.repmodel = 't' THEN 'reference' ELSE 'local' END AS place,
       p.colocationid AS colocation
FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
WHERE c.relnamespace = current_schema()::regnamespace
"""
# What a table held before it was placed is still in its own file here, where nobody reads it any more.
_FILLED = """
SELECT c.relname AS name FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND pg_relation_size(c.oid) > 0
      AND (c.relname = ANY (%(tables)s) OR i.inhparent = to_regclass('events'))
ORDER BY i.inhparent IS NULL, array_position(%(tables)s, c.relname::text) DESC, c.relname
"""
_SESSIONS = """
SELECT count(*) AS sessions FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
      AND application_name NOT LIKE 'citus%'
"""


class Step(NamedTuple):
    """One statement, and what it does in a user's words."""

    what: str
    sql: str


class Placed(NamedTuple):
    """Where a table is, and the number that it shares with those that lie beside it."""

    place: str
    colocation: int


class Coordinator:
    """The coordinator of a Citus cluster; see `coordinator`.

    Attributes
    ----------
    version : str
        Of Citus.
    workers : int
        Nodes besides the coordinator; with none, everything stays on it.
    """

    def __init__(self, connection: Connection[Any], version: str, workers: int) -> None:
        self.version = version
        self.workers = workers
        self._connection = connection

    def refuse_other_sessions(self) -> None:
        """Make sure that nobody else uses the database.

        Raises
        ------
        DistributionError
            If there are any: a server that goes on would trust what holds on one node alone.
        """
        patience = time.monotonic() + _PATIENCE_SECONDS
        while (sessions := _row(self._connection, _SESSIONS)[0]) and time.monotonic() < patience:
            time.sleep(0.1)
        if sessions:
            raise DistributionError(
                f"{sessions} other sessions are connected to the database. Stop every TokenBudget server first (events "
                "wait on the machines that send them). If they are other programs, add --despite-sessions"
            )

    def plan(self) -> list[Step]:
        """Tell what is left to do.

        Raises
        ------
        DistributionError
            If a table is placed otherwise than it must be.
        """
        tables = [*REFERENCE, *DISTRIBUTED]
        placed = {name: Placed(*where) for name, *where in self._connection.execute(_PLACED)}
        filled = [name for (name,) in self._connection.execute(_FILLED, {"tables": tables})]
        return list(plan(placed, filled))

    def distribute(self) -> Iterator[Step]:
        """Do what is left; return each step before it is done.

        Waits while a migration or the partitions' maintenance runs, and keeps them waiting.

        Raises
        ------
        DistributionError
            If Citus refuses a step; what was done before stays.
        """
        for lock in (MIGRATION, MAINTENANCE):  # They go with the connection.
            self._connection.execute("SELECT pg_advisory_lock(%s)", [lock])
        for step in self.plan():
            yield step
            try:
                self._connection.execute(step.sql)
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                raise DistributionError(
                    f"Citus refused {step.sql}: {str(error).strip()}. What was done before stays: mend that, then run "
                    "`tokenbudget db distribute` again for the rest"
                ) from error


@contextmanager
def coordinator(url: str) -> Iterator[Coordinator]:
    """Connect to the coordinator of a Citus cluster for the length of a ``with`` block.

    Raises
    ------
    DistributionError
        If `url` is not that of one; the message says what is missing, where, and what to do.
    SettingsError
        If `url` is not the address of a Postgres.
    StoreUnavailableError
        If the database does not answer, or is lost on the way: what was done before stays.
    """
    try:
        with psycopg.connect(psycopg_url(url), autocommit=True, connect_timeout=10) as connection:
            yield Coordinator(connection, _citus_version(connection), _workers(connection))
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(f"the database does not answer: {str(error).strip()}") from error


def _citus_version(connection: Connection[Any]) -> str:
    version, is_available, database = _row(connection, _CITUS)
    if version is None:
        missing = (
            "run CREATE EXTENSION citus in it, on this node and on every worker"
            if is_available
            else "install Citus on this server and on every worker, put citus first in shared_preload_libraries, "
            "restart them, then run CREATE EXTENSION citus in it on each"
        )
        raise DistributionError(f"the database {database!r} of TOKENBUDGET_DATABASE_URL has no Citus: {missing}")
    if int(version.partition(".")[0]) < OLDEST_CITUS:
        raise DistributionError(
            f"the database {database!r} has Citus {version}, TokenBudget needs {OLDEST_CITUS} or later: "
            "update it on every node"
        )
    return str(version)


def _workers(connection: Connection[Any]) -> int:
    here, coordinators, workers = _row(connection, _NODES)
    if here != 0:
        raise DistributionError(
            "the server of TOKENBUDGET_DATABASE_URL is a worker: use the address of the coordinator"
        )
    if workers and not coordinators:
        raise DistributionError(
            "the coordinator does not know how the workers reach it: run "
            "SELECT citus_set_coordinator_host('its name or address', 5432), then try again"
        )
    return int(workers)


def plan(placed: Mapping[str, Placed], filled: Sequence[str]) -> Iterator[Step]:
    """Return what is left to do, in order.

    Parameters
    ----------
    placed : mapping of str to Placed
        What Citus has placed.
    filled : sequence of str
        Tables that hold rows in a file of the coordinator's own.

    Raises
    ------
    DistributionError
        If a table is placed otherwise than it must be.
    """
    for table in REFERENCE:
        if not _is_placed(placed, table, "reference"):
            yield Step(f"{table}: a copy on every node", f"SELECT create_reference_table('{table}')")
    leader = DISTRIBUTED[0]
    for table in DISTRIBUTED:
        if not _is_placed(placed, table, f"distributed by {COLUMN}"):
            beside = "none" if table == leader else leader
            sql = f"SELECT create_distributed_table('{table}', '{COLUMN}', colocate_with => '{beside}')"
            yield Step(f"{table}: distributed by {COLUMN}", sql)
        elif placed[table].colocation != placed[leader].colocation:
            raise DistributionError(
                f"{table} is distributed by {COLUMN} but not beside {leader}: run "
                f"SELECT update_distributed_table_colocation('{table}', colocate_with => '{leader}'), then try again"
            )
    for table in filled:
        sql = f"SELECT truncate_local_data_after_distributing_table('{table}')"
        yield Step(f"{table}: free the room of what was copied", sql)


def _is_placed(placed: Mapping[str, Placed], table: str, place: str) -> bool:
    found = placed.get(table)
    if found is None or found.place == "local":  # Citus itself takes up local tables that point at a reference table.
        return False
    if found.place != place:
        raise DistributionError(
            f"{table} is {found.place} and must be {place}: run SELECT undistribute_table('{table}'), then try again"
        )
    return True


def _row(connection: Connection[Any], sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    return row or ()
