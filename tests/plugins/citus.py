"""A database that takes itself for the coordinator of a Citus cluster.

Citus itself cannot be installed from the package indexes that the tests may use.  In its place stands an extension of
that name with its catalogue and the functions we call: they note what Citus would have done, on a real Postgres, and
refuse what its documentation says it refuses.  Nothing is spread over anything, and no statement is planned by Citus.
"""

from __future__ import annotations

import psycopg
import pytest

_CONTROL = "comment = 'stand-in'\ndefault_version = '13.2-1'\nrelocatable = true\n"
_EXTENSION = """
CREATE TABLE pg_dist_partition (
    logicalrelid regclass, partmethod "char", partkey text, repmodel "char", colocationid int
);
CREATE TABLE pg_dist_node (groupid int, noderole text DEFAULT 'primary', isactive boolean DEFAULT true);
CREATE TABLE pg_dist_local_group (groupid int);
INSERT INTO pg_dist_local_group VALUES (0);
CREATE TABLE sent (statement text, rows bigint);
CREATE TABLE lost_at (relation text);

CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';

CREATE FUNCTION note(statement text, relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE rows bigint;
BEGIN
    IF EXISTS (SELECT FROM lost_at l WHERE to_regclass(l.relation) = note.relation) THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
    EXECUTE format('SELECT count(*) FROM %s', relation) INTO rows;
    INSERT INTO sent VALUES (statement, rows);
END $$;

CREATE FUNCTION refuse_unfit(relation regclass, key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE bad text;
BEGIN
    PERFORM FROM pg_dist_partition WHERE logicalrelid = relation AND (partmethod, repmodel) <> ('n', 's');
    IF found THEN
        RAISE EXCEPTION 'table "%" is already distributed', relation;
    END IF;
    SELECT tgname INTO bad FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal;
    IF found THEN
        RAISE EXCEPTION 'cannot distribute relation "%" because it has triggers', relation;
    END IF;
    SELECT confrelid::regclass::text INTO bad FROM pg_constraint
    WHERE contype = 'f' AND conrelid = relation
          AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition WHERE repmodel = 't');
    IF found THEN
        RAISE EXCEPTION 'cannot create foreign key constraint since % is not a reference table', bad;
    END IF;
    SELECT i.indexrelid::regclass::text INTO bad FROM pg_index i
    WHERE i.indrelid = relation AND i.indisunique AND key IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = key AND a.attnum = ANY (i.indkey));
    IF found THEN
        RAISE EXCEPTION 'cannot create constraint: % does not contain the distribution column', bad;
    END IF;
END $$;

CREATE FUNCTION create_reference_table(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_unfit(relation, NULL);
    PERFORM note(format('create_reference_table %s', relation), relation);
    DELETE FROM pg_dist_partition WHERE logicalrelid = relation;
    INSERT INTO pg_dist_partition VALUES (relation, 'n', NULL, 't', 1);
    -- Those that point at it, and are plain tables yet, are taken up as local ones.
    INSERT INTO pg_dist_partition SELECT conrelid, 'n', NULL, 's', 0 FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation AND conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition);
END $$;

CREATE FUNCTION create_distributed_table(relation regclass, key text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE beside int;
BEGIN
    PERFORM refuse_unfit(relation, key);
    PERFORM note(format('create_distributed_table %s', relation), relation);
    IF colocate_with = 'none' THEN
        beside := 2 + (SELECT count(*) FROM pg_dist_partition);
    ELSE
        SELECT colocationid INTO STRICT beside FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass;
    END IF;
    INSERT INTO pg_dist_partition SELECT relation, 'h', key, 's', beside
    UNION ALL SELECT inhrelid, 'h', key, 's', beside FROM pg_inherits WHERE inhparent = relation;
END $$;

CREATE FUNCTION truncate_local_data_after_distributing_table(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = relation) THEN
        RAISE EXCEPTION 'supplied parameter is not a distributed relation';
    END IF;
    PERFORM conrelid FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation
          AND conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition WHERE repmodel = 't');
    IF found THEN
        RAISE EXCEPTION 'cannot truncate a table referenced in a foreign key constraint by a local table';
    END IF;
    PERFORM note(format('truncate_local_data %s', relation), relation);
    EXECUTE format('TRUNCATE %s CASCADE', relation);
END $$;
"""


@pytest.fixture(scope="session")
def _citus_extension(tmp_path_factory):
    directory = tmp_path_factory.mktemp("extensions")
    (directory / "extension").mkdir()
    (directory / "extension" / "citus.control").write_text(_CONTROL)
    (directory / "extension" / "citus--13.2-1.sql").write_text(_EXTENSION)
    return directory


@pytest.fixture
def citus_available(_citus_extension):
    """Let the server of a database know the extension: ``citus_available(url)``."""

    def let_know(url):
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.info.server_version < 18_00_00:
                pytest.skip("Postgres 18 is the first that takes extensions from another directory")
            database = connection.info.dbname
            connection.execute(f"ALTER DATABASE {database} SET extension_control_path = '{_citus_extension}:$system'")

    return let_know


@pytest.fixture
def make_coordinator(citus_available):
    """Make a database a coordinator: ``make_coordinator(url)``."""

    def make(url):
        citus_available(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")

    return make
