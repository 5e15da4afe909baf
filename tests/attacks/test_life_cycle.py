"""What is killed leaves nothing behind, a busy port is never stepped over, and a log holds no key and does not grow."""

import os
import re
import signal
import socket
import subprocess
import tomllib
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.plugins.up import PATIENCE, answers, children, command, environment, is_alive, wait_until
from tokenbudget.diagnostics.logs import LINES_PER_MINUTE, LONGEST_RECORD

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("tokenbudget-up")]


@contextmanager
def serving(home, port, url, workers, **more):
    """Run ``tokenbudget serve``; whatever is left of it at the end is killed."""
    home.mkdir(exist_ok=True)
    arguments = command("serve", "--port", str(port), "--workers", str(workers))
    with (home / "serve.log").open("wb") as output:
        process = subprocess.Popen(
            arguments, stdout=output, stderr=output, env=environment(home, TOKENBUDGET_DATABASE_URL=url, **more)
        )
    started = []
    try:
        wait_until(lambda: answers(port))
        started = children(process.pid)
        yield process, started
    finally:
        process.kill()
        process.wait(PATIENCE)
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_bound(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_end_with_the_process_that_watches_them(tmp_path, port, postgres_url, workers):
    with serving(tmp_path / "home", port, postgres_url, workers) as (process, started):
        assert len(started) == workers
        process.kill()
        process.wait(PATIENCE)
        wait_until(lambda: not any(map(is_alive, started)))
        assert not is_bound(port)


def test_an_api_that_is_killed_ends_up_which_leaves_nothing_and_starts_again_at_its_port(up, tmp_path, port):
    first = up("--port", str(port))
    first.read_until("Ctrl-C")
    before = (tmp_path / "home" / "config.toml").read_text()
    started = children(first.process.pid)
    api = next(pid for pid in started if "launch.api" in command_line(pid))
    os.kill(api, signal.SIGKILL)
    assert first.join() == 1
    assert "the API ended" in first.output
    assert not any(map(is_alive, started))
    up("--port", str(port)).read_until("Ctrl-C")
    assert answers(port)
    assert (tmp_path / "home" / "config.toml").read_text() == before
    log = (tmp_path / "home" / "logs" / "api.log").read_text()
    assert log.count("=== the API starts, ") == 2, "what was said before it was killed is kept"
    assert re.search(r'api_key = "(\w+)"', before)[1] not in log + first.output.partition("Ctrl-C stops")[2]


def test_a_killed_up_is_started_again_at_its_port_at_once(up, tmp_path, port):
    first = up("--port", str(port))
    first.read_until("Ctrl-C")
    before = (tmp_path / "home" / "config.toml").read_text()
    first.process.kill()
    first.process.wait(PATIENCE)  # Its children are still there, or about to go.
    up("--port", str(port)).read_until("Ctrl-C")
    assert (tmp_path / "home" / "config.toml").read_text() == before


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_busy_port_is_said_and_the_config_keeps_what_it_says(up, tmp_path, port, monkeypatch, how):
    home, config = tmp_path / "home", f'api_key = "tb_ak_{"0" * 32}"\nurl = "http://127.0.0.1:{port}"\n'
    home.mkdir()
    (home / "config.toml").write_text(config)
    monkeypatch.setenv("TOKENBUDGET_PORT", str(port))
    with socket.create_server(("127.0.0.1", port)):
        running = up(*(["--port", str(port)] if how == "option" else []))
        assert running.join() == 1
    assert f"port {port} is in use by " in running.output
    assert "choose another port, e.g. --port" in running.output
    assert (home / "config.toml").read_text() == config
    assert not (home / "postgres").exists(), "nothing was started"


def test_a_second_server_does_not_share_a_port(tmp_path, port, postgres_url):
    with serving(tmp_path / "home", port, postgres_url, 1):
        env = environment(tmp_path / "other", TOKENBUDGET_DATABASE_URL=postgres_url)
        arguments = command("serve", "--port", str(port))
        second = subprocess.run(arguments, capture_output=True, text=True, env=env, timeout=PATIENCE, check=False)
    assert second.returncode == 1
    assert f"port {port} is in use by " in second.stderr
    assert "a TokenBudget server" in second.stderr


@pytest.mark.parametrize("key", ["schlüsselschlüssel", "0123456789abcdef\x7f"])
@pytest.mark.parametrize("what", ["up", "serve"])
def test_an_admin_key_that_no_header_carries_is_refused_at_the_start(tmp_path, port, what, key):
    arguments = command(what, "--port", str(port))
    env = environment(tmp_path / "home", TOKENBUDGET_ADMIN_KEY=key)
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "TOKENBUDGET_ADMIN_KEY must be of ASCII" in done.stderr
    assert key not in done.stderr


def test_serve_tells_where_the_key_is_and_not_what_it_is(tmp_path, port, postgres_url):
    home = tmp_path / "home"
    with serving(home, port, postgres_url, 1, TOKENBUDGET_ADMIN_KEY="an admin's key of ours"):
        key = tomllib.loads((home / "config.toml").read_text())["api_key"]
    said = (home / "serve.log").read_text()
    assert str(home / "config.toml") in said
    assert key not in said
    assert "an admin's key" not in said


ODD = [
    b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (b"a" * 6_000),
    b"GET /api/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tb_ak_" + b"0" * 32 + b"\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"POST /api/projects/1/keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /api/projects?a=%00 HTTP/1.1\r\nHost: \xff\r\n\r\n",
]


def test_a_log_cannot_be_grown_without_a_key(tmp_path, port, postgres_url):
    home = tmp_path / "home"
    with serving(home, port, postgres_url, 1):
        log = home / "serve.log"
        before = log.stat().st_size
        for request in ODD * 40:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
        written = log.read_bytes()[before:]
    assert len(written) < LINES_PER_MINUTE * LONGEST_RECORD
    assert written.count(b"\n20") <= LINES_PER_MINUTE, written[-2_000:]
    assert b"tb_ak_0" not in written


def test_nothing_that_runs_has_keys_of_others_in_its_environment(up, port, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider")
    running = up("--port", str(port))
    running.read_until("Ctrl-C")
    started = [psutil.Process(pid) for pid in children(running.process.pid)]
    assert {"postgres", "python"} <= {re.sub(r"[\d.]+$", "", each.name()) for each in started}
    assert not any("sk-of-the-provider" in str(each.environ()) for each in started)


def command_line(pid):
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
