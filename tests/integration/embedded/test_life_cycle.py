"""Start, share, stop, and start again after every way of dying."""

import os
import signal
import sys
import threading

import psycopg
import pytest

from tests.integration.embedded.helpers import add_event, alive, events, make, run_as, wait_until

pytestmark = pytest.mark.postgres

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")


def test_the_first_start_creates_and_says_so_and_the_second_does_not(data_dir):
    said = []
    server = make(data_dir, report=said.append)
    with server.running() as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE event (id int)")
        connection.execute("INSERT INTO event VALUES (1)")
    assert len(said) == 1
    assert str(data_dir) in said[0]
    with server.running() as url:
        assert events(url) == [1]
    assert len(said) == 1


def test_what_is_committed_is_on_disk_unless_a_test_says_otherwise(used_data_dir):
    from tokenbudget_server.embedded import EmbeddedPostgres

    names = ["fsync", "synchronous_commit", "full_page_writes", "timezone", "listen_addresses"]
    with EmbeddedPostgres(used_data_dir).running() as url, psycopg.connect(url) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]
    assert shown == ["on", "on", "on", "UTC", ""]


def test_a_stop_ends_open_transactions_and_leaves_nothing_behind(used_data_dir):
    server = make(used_data_dir)
    url = server.start()
    pid = server.pid
    open_one = psycopg.connect(url)
    open_one.execute("INSERT INTO event VALUES (1)")
    server.stop()
    open_one.close()
    with pytest.raises(ProcessLookupError):  # A zombie would still be found.
        os.kill(pid, 0)
    assert server.pid is None
    assert not (used_data_dir / "cluster/postmaster.pid").exists()
    assert server.log_path.read_text().rstrip().endswith("database system is shut down")
    with server.running() as url:
        assert events(url) == []


def test_starting_and_stopping_twice_changes_nothing(used_data_dir):
    server = make(used_data_dir)
    url = server.start()
    pid = server.pid
    assert server.start() == url
    assert server.pid == pid
    server.stop()
    server.stop()
    assert not server.owned


def test_the_server_outlives_the_thread_that_started_it(used_data_dir):
    server = make(used_data_dir)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        with psycopg.connect(server.url()) as connection:
            # Were the signal sent by the end of the thread, it would arrive during this sleep.
            connection.execute("SELECT pg_sleep(0.5)")
    finally:
        server.stop()


@linux_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_server_ends_cleanly_with_its_owner(used_data_dir, other_process, number):
    other = other_process(used_data_dir)
    pid, _ = other.wait_for_server()
    server = make(used_data_dir)
    add_event(server.url(), 1)
    other.end(number)
    wait_until(lambda: not alive(pid), "the orphan ends")
    assert "database system is shut down" in server.log_path.read_text()
    with server.running() as url:
        assert server.owned
        assert events(url) == [1]


def test_an_owner_that_dies_can_be_followed_at_once(used_data_dir, other_process):
    other = other_process(used_data_dir)
    pid, _ = other.wait_for_server()
    add_event(make(used_data_dir).url(), 1)
    other.end(signal.SIGKILL)
    server = make(used_data_dir)
    with server.running() as url:
        assert server.owned
        assert server.pid != pid
        assert events(url) == [1]


def test_a_server_that_outlived_its_owner_is_replaced(used_data_dir, other_process, tools_that_fail):
    other = other_process(used_data_dir, PATH=tools_that_fail("setpriv"))  # As where Linux is not the system.
    orphan, _ = other.wait_for_server()
    other.end(signal.SIGKILL)
    server = make(used_data_dir)
    add_event(server.url(), 1)
    with server.running() as url:
        assert server.owned
        assert not alive(orphan)
        assert events(url) == [1]


def test_a_killed_server_is_started_again_and_has_lost_nothing(used_data_dir):
    server = make(used_data_dir)
    with server.running() as url:
        for number in range(3):
            add_event(url, number)
            killed = server.pid
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda killed=killed: server.pid not in (None, killed), "another server starts")
            wait_until(lambda: _answers(url), "it accepts connections")
            assert events(url) == list(range(number + 1))
        assert server.owned


def test_after_a_kill_of_server_and_owner_the_next_start_recovers(used_data_dir, other_process):
    other = other_process(used_data_dir)
    pid, _ = other.wait_for_server()
    add_event(make(used_data_dir).url(), 1)
    other.process.send_signal(signal.SIGSTOP)  # So that it cannot start the server again.
    os.kill(pid, signal.SIGKILL)
    other.end(signal.SIGKILL)
    with make(used_data_dir).running() as url:
        assert events(url) == [1]


def test_a_start_waits_for_what_a_killed_server_left_running(used_data_dir, other_process):
    other = other_process(used_data_dir)
    pid, _ = other.wait_for_server()
    server = make(used_data_dir)
    left = psycopg.connect(server.url())
    os.kill(left.info.backend_pid, signal.SIGSTOP)  # It will not notice that its postmaster is gone.
    other.process.send_signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    other.end(signal.SIGKILL)
    thread = threading.Thread(target=server.start)
    thread.start()
    wait_until(lambda: "pre-existing shared memory block" in server.log_path.read_text(), "the start is refused")
    os.kill(left.info.backend_pid, signal.SIGCONT)
    thread.join()
    left.close()
    assert server.owned
    server.stop()


@pytest.mark.parametrize("name", ["cluster/postmaster.pid", "run/.s.PGSQL.5432.lock"])
@pytest.mark.parametrize("whose", ["dead", "reused", "cut short"])
def test_the_files_of_a_dead_server_do_not_keep_another_from_starting(used_data_dir, name, whose):
    file = used_data_dir / name
    with make(used_data_dir).running():
        left = file.read_text()
    _, _, rest = left.partition("\n")
    file.parent.mkdir(exist_ok=True)
    file.write_text({"dead": left, "reused": f"{os.getppid()}\n{rest}", "cut short": ""}[whose])
    with make(used_data_dir).running() as url:
        assert events(url) == []


def test_two_first_starts_at_once_make_one_server(data_dir, other_process):
    others = [other_process(data_dir), other_process(data_dir)]
    answers = [other.wait_for_server() for other in others]
    assert len({pid for pid, _ in answers}) == 1
    assert sorted(owned for _, owned in answers) == [False, True]


def test_a_second_start_shares_the_server_and_does_not_stop_it(used_data_dir, other_process):
    other = other_process(used_data_dir)
    pid, owned = other.wait_for_server()
    assert owned
    said = []
    second = make(used_data_dir, report=said.append)
    with second.running() as url:
        assert not second.owned
        assert second.pid == pid
        add_event(url, 1)
    assert str(pid) in said[0]
    assert alive(pid)
    other.end()
    assert not alive(pid)


def test_a_creation_that_was_killed_is_begun_again(data_dir, other_process):
    other = other_process(data_dir)
    wait_until(lambda: list(data_dir.glob("cluster.part*/PG_VERSION")), "the creation is on its way")
    other.end(signal.SIGKILL)
    assert not (data_dir / "cluster").exists()
    with make(data_dir).running() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("tokenbudget",)
    assert not list(data_dir.glob("cluster.part*"))


def test_a_forked_child_does_not_stop_the_server(used_data_dir):
    server = make(used_data_dir)
    with server.running() as url:
        assert run_as(os.geteuid(), lambda: (server.owned, server.stop())) == (False, None)
        assert events(url) == []


def test_a_forked_child_does_not_keep_the_lock_of_a_killed_owner(used_data_dir):
    reader, writer = os.pipe()
    owner = os.fork()
    if owner == 0:
        make(used_data_dir).start()
        child = os.fork()
        if child != 0:
            os.write(writer, str(child).encode())
        signal.pause()
    child = int(os.read(reader, 20))
    os.close(reader)
    os.close(writer)
    try:
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        server = make(used_data_dir)
        with server.running():
            assert server.owned
    finally:
        os.kill(child, signal.SIGKILL)


def _answers(url):
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
