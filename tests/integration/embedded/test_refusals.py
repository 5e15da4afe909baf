"""What keeps the server from running is said in words that help, and nothing is broken by it."""

import os
import shutil
import subprocess

import pytest

from tests.integration.embedded.helpers import add_event, events, make
from tokenbudget_server.embedded import EmbeddedPostgres
from tokenbudget_server.embedded.data_dir import Layout
from tokenbudget_server.embedded.diagnosis import explain
from tokenbudget_server.web.errors import (
    DataDirectoryError,
    DiskFullError,
    EmbeddedPostgresError,
    PostgresStartError,
    VersionMismatchError,
)

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    ("file", "words"),
    [("notes.txt", r"holds other files \(notes\.txt\)"), ("PG_VERSION", "data directory of another Postgres")],
)
def test_a_directory_with_other_things_in_it_is_left_alone(data_dir, file, words):
    data_dir.mkdir()
    (data_dir / file).write_text("15")
    with pytest.raises(DataDirectoryError, match=words):
        make(data_dir).start()
    assert [entry.name for entry in data_dir.iterdir()] == [file]


def test_a_file_in_place_of_the_directory(data_dir):
    data_dir.write_text("")
    with pytest.raises(DataDirectoryError, match="cannot be used"):
        make(data_dir).start()


def test_an_empty_directory_and_a_mount_point_are_welcome(data_dir):
    (data_dir / "lost+found").mkdir(parents=True)
    with make(data_dir).running():
        pass


def test_a_directory_of_another_user(data_dir, as_nobody):
    data_dir.mkdir()
    with pytest.raises(DataDirectoryError, match="belongs to user 'root', and this is user 'nobody'"):
        raise as_nobody(lambda: _error_of_starting(data_dir))


def test_a_directory_that_cannot_be_written(data_dir, as_nobody):
    data_dir.mkdir(mode=0o500)
    os.chown(data_dir, 65534, 65534)
    with pytest.raises(DataDirectoryError, match="Permission denied"):
        raise as_nobody(lambda: _error_of_starting(data_dir))


def test_a_parent_that_cannot_be_written(place, as_nobody):
    with pytest.raises(DataDirectoryError, match=r"Permission denied.*TOKENBUDGET_HOME"):
        raise as_nobody(lambda: _error_of_starting(place / "postgres"))


def test_a_read_only_file_system_and_writable_again(made_data, small_disk):
    disk = small_disk(120)
    data_dir = disk / "postgres"
    shutil.copytree(made_data, data_dir)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(DataDirectoryError, match="Read-only file system"):
        make(data_dir).start()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    with make(data_dir).running() as url:
        assert events(url) == []


def test_no_room_to_create_leaves_no_half_made_data(small_disk):
    disk = small_disk(20)
    with pytest.raises(DiskFullError, match=r"is full \(\d+ MB free\).*free some space"):
        make(disk / "postgres").start()
    assert not list((disk / "postgres").glob("cluster*"))


def test_a_disk_that_fills_up_during_creation(small_disk, monkeypatch):
    monkeypatch.setattr("tokenbudget_server.embedded.cluster.BYTES_NEEDED", 0)
    disk = small_disk(20)
    with pytest.raises(DiskFullError):
        make(disk / "postgres").start()
    assert not list((disk / "postgres").glob("cluster*"))


def test_a_full_disk_at_a_later_start_loses_nothing(made_data, small_disk):
    disk = small_disk(120)
    data_dir = disk / "postgres"
    shutil.copytree(made_data, data_dir)
    with make(data_dir).running() as url:
        add_event(url, 1)
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free))
    with pytest.raises(DiskFullError, match="Nothing that was stored is lost"):
        make(data_dir).start()
    filler.unlink()
    with make(data_dir).running() as url:
        assert events(url) == [1]


def test_data_of_another_major_version(used_data_dir):
    (used_data_dir / "cluster/PG_VERSION").write_text("9.6\n")
    with pytest.raises(
        VersionMismatchError, match=r"made by PostgreSQL 9, but .* PostgreSQL \d+\. Nothing was changed"
    ):
        make(used_data_dir).start()
    assert (used_data_dir / "cluster/PG_VERSION").read_text() == "9.6\n"


def test_a_setting_that_postgres_refuses(used_data_dir):
    with pytest.raises(PostgresStartError, match=r"(?s)settings.*shared_buffers"):
        EmbeddedPostgres(used_data_dir, settings={"shared_buffers": "plenty"}).start()


def test_after_a_refusal_the_same_object_can_start(used_data_dir):
    server = make(used_data_dir)
    held = used_data_dir / "cluster/PG_VERSION"
    right = held.read_text()
    held.write_text("9.6\n")
    with pytest.raises(VersionMismatchError):
        server.start()
    assert not server.owned
    held.write_text(right)
    with server.running() as url:
        assert events(url) == []


def test_another_process_that_never_finishes_starting(used_data_dir, other_process):
    other = other_process(used_data_dir)
    pid, _ = other.wait_for_server()
    (used_data_dir / "cluster/postmaster.pid").write_text(f"{pid}\n")  # It has not said "ready".
    server = EmbeddedPostgres(used_data_dir, timeout=0)
    with pytest.raises(PostgresStartError, match=rf"starting \(process {pid}\)"):
        server.start()


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        ("FATAL: could not write lock file: No space left on device", DiskFullError, "free some space"),
        ("FATAL: could not open file: Permission denied", DataDirectoryError, "owner and permissions"),
        ("FATAL: data directory has wrong ownership", DataDirectoryError, "owner and permissions"),
        ("FATAL: pre-existing shared memory block (key 1) is still in use", PostgresStartError, "End them"),
        ("FATAL: could not map anonymous shared memory: Cannot allocate memory", PostgresStartError, "memory"),
        ("FATAL: something new", PostgresStartError, "something new"),
        ("", PostgresStartError, "printed nothing"),
    ],
)
def test_every_last_word_of_postgres_has_an_explanation(tmp_path, output, error, words):
    explained = explain(output, Layout.at(tmp_path))
    assert type(explained) is error
    assert words in str(explained)


def _error_of_starting(data_dir):
    try:
        make(data_dir).start()
    except EmbeddedPostgresError as error:
        return error
    return AssertionError("it started")
