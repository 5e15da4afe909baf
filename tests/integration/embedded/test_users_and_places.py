"""Root or not, with namespaces or without, in directories of any name and length."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest

from tests.integration.embedded.helpers import add_event, events, make
from tokenbudget_server.embedded import find_binaries
from tokenbudget_server.embedded.data_dir import LONGEST_SOCKET_PATH, SOCKET_NAME, Layout
from tokenbudget_server.embedded.os_user import NOBODY
from tokenbudget_server.web.errors import DataDirectoryError

pytestmark = pytest.mark.postgres

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_the_server_never_runs_with_more_rights_than_its_starter(used_data_dir):
    server = make(used_data_dir)
    with server.running():
        assert _user_of(server.pid) == os.geteuid()
        assert used_data_dir.stat().st_uid == os.geteuid()
        assert used_data_dir.stat().st_mode & 0o077 == 0


def test_an_ordinary_user_creates_and_uses_a_server(data_dir, place, as_nobody):
    _skip_unless_nobody_reaches_the_binaries()
    place.chmod(0o777)

    def create_and_use():
        with make(data_dir).running() as url, psycopg.connect(url) as connection:
            return connection.execute("SELECT current_user").fetchone()

    assert as_nobody(create_and_use) == ("tokenbudget",)
    assert as_nobody(create_and_use) == ("tokenbudget",)
    assert (data_dir / "cluster").stat().st_uid == NOBODY


@root_only
def test_root_serves_the_data_of_a_user_as_that_user(used_data_dir, as_nobody):
    _skip_unless_nobody_reaches_the_binaries()
    _give_to_nobody(used_data_dir)
    server = make(used_data_dir)
    with server.running() as url:
        assert _user_of(server.pid) == NOBODY
        add_event(url, 1)

    def read():
        with make(used_data_dir).running() as url:
            return events(url)

    assert as_nobody(read) == [1]


@root_only
@pytest.mark.parametrize("parent_mode", [0o755, 0o700])
def test_root_without_namespaces_runs_it_as_nobody(used_data_dir, place, other_process, tools_that_fail, parent_mode):
    place.chmod(parent_mode)  # Such as /root, which nobody may enter.
    other = other_process(used_data_dir, PATH=tools_that_fail("unshare"))
    pid, owned = other.wait_for_server()
    assert owned
    assert _user_of(pid) == NOBODY
    add_event(make(used_data_dir).url(), 1)
    other.end()
    with make(used_data_dir).running() as url:  # Namespaces work again, and the data is still nobody's.
        assert events(url) == [1]


@root_only
def test_root_without_namespaces_creates_as_nobody(data_dir, place, other_process, tools_that_fail):
    place.chmod(0o700)
    pid, _ = other_process(data_dir, PATH=tools_that_fail("unshare")).wait_for_server()
    assert _user_of(pid) == NOBODY


@pytest.mark.parametrize(
    "name",
    ["it's a space", 'double"quote', "comma,comma", "per%41cent&equals=hash#?", "käse-日本", "l" * 120],
)
def test_directories_of_any_name(place, made_data, name):
    data_dir = place / name / "postgres"
    shutil.copytree(made_data, data_dir)
    with make(data_dir).running() as url:
        assert events(url) == []


def test_a_start_through_a_symbolic_link_shares_the_server(place, used_data_dir):
    link = place / "link"
    link.symlink_to(used_data_dir)
    with make(used_data_dir).running():
        other = make(link)
        other.start()
        assert not other.owned


@pytest.mark.parametrize("length", range(60, 110, 7))
def test_the_socket_path_fits_the_system(length):
    layout = Layout(Path("/" + "d" * (length - 1)))
    assert len(str(layout.sockets / SOCKET_NAME)) <= LONGEST_SOCKET_PATH


def test_the_socket_directory_in_tmp_is_not_taken_from_a_stranger(place):
    layout = Layout.at(place / ("l" * 120) / "postgres")
    layout.sockets.mkdir()
    try:
        os.chown(layout.sockets, NOBODY, NOBODY)
        with pytest.raises(DataDirectoryError, match="belongs to user 'nobody'"):
            make(layout.root).start()
    except PermissionError:
        pytest.skip("only root can put a stranger's directory there")
    finally:
        layout.sockets.rmdir()


def _user_of(pid):
    return Path(f"/proc/{pid}").stat().st_uid


def _give_to_nobody(directory):
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def _skip_unless_nobody_reaches_the_binaries():
    if not all(parent.stat().st_mode & 0o001 for parent in find_binaries().directory.parents):
        pytest.skip("the Postgres programs are in a directory that other users may not enter")
