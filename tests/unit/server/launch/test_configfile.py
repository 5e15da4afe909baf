import os
import re
import socket
import subprocess
import sys
import tomllib

import pytest

from tokenbudget_server.launch import log_file
from tokenbudget_server.launch.configfile import read_key, write_config
from tokenbudget_server.launch.environment import API, PANEL, allowed
from tokenbudget_server.launch.log_file import LogFile
from tokenbudget_server.launch.ports import claim
from tokenbudget_server.launch.running import Home, Running, usable
from tokenbudget_server.web.errors import AlreadyRunningError, SettingsError

URL, KEY = "http://127.0.0.1:8321", "tb_ak_" + "1" * 32
OURS = {"url": URL, "api_key": KEY}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OURS),
        ('url = "http://localhost:1"\napi_key = "old"\n', OURS),
        ("# mine\ntz = 'Europe/Berlin'", {**OURS, "tz": "Europe/Berlin"}),
        (
            "tz = 'UTC'\n[models]\nmine = 'gpt-4o'\nurl = 'x'\n",
            {**OURS, "tz": "UTC", "models": {"mine": "gpt-4o", "url": "x"}},
        ),
        ("[models]\napi_key = 'x'\n", {**OURS, "models": {"api_key": "x"}}),
        ("  url='http://127.0.0.1:1' # here\n", OURS),
    ],
)
def test_config_keeps_what_is_not_ours(tmp_path, before, after):
    file = tmp_path / "config.toml"
    file.write_text(before)
    write_config(tmp_path, URL, KEY)
    assert tomllib.loads(file.read_text()) == after
    assert file.stat().st_mode & 0o777 == 0o600
    assert ("# mine" in before) == ("# mine" in file.read_text())
    assert read_key(tmp_path) == KEY
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("url", ["http://localhost:8321", "http://127.0.0.1:9", "http://[::1]:9"])
def test_a_key_of_this_machine_is_read(tmp_path, url):
    write_config(tmp_path, url, KEY)
    assert read_key(tmp_path) == KEY


@pytest.mark.parametrize("url", ["https://tokens.example.org", "http://192.168.1.4:8321"])
def test_a_key_of_another_server_is_not_ours(tmp_path, url):
    write_config(tmp_path, url, KEY)
    with pytest.raises(SettingsError, match="TOKENBUDGET_HOME"):
        read_key(tmp_path)


def test_no_config_no_key(tmp_path):
    assert read_key(tmp_path) is None


def test_a_port_in_use_is_refused_by_name_and_never_replaced():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(SettingsError) as error:
            claim("127.0.0.1", {"--port": port, "--panel-port": 0})
        assert f"port {port} is in use by " in str(error.value)
        if sys.platform == "linux":
            assert f"(process {os.getpid()})" in str(error.value)
        assert re.search(r"choose another port, e\.g\. --port \d+$", str(error.value))
    found = claim("127.0.0.1", {"--port": port, "--panel-port": 0})
    assert found["--port"] == port
    assert found["--panel-port"] not in (0, port)


def test_a_port_that_is_about_to_be_free_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port, tried = busy.getsockname()[1], []

        class Ending(dict):  # It ends once it was seen.
            def items(self):
                tried.append(1)
                if len(tried) == 2:
                    busy.close()
                return super().items()

        assert claim("127.0.0.1", Ending({"--port": port}), patience_seconds=60) == {"--port": port}
    assert len(tried) > 2


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        claim("192.0.2.1", {"--port": 8321})


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda home: home.write_text(""), "it is a file, and not a directory"),
        (lambda home: home.symlink_to("nowhere"), "it is a link to nowhere, which is not there"),
        (lambda home: (home.mkdir(), (home / "logs").write_text("")), "logs"),
        (lambda home: (home.mkdir(), (home / "up.lock").mkdir()), "up.lock"),
    ],
)
def test_a_home_that_cannot_be_used_is_a_sentence(tmp_path, made, said):
    home = tmp_path / "home"
    made(home)
    with pytest.raises(SettingsError) as error, usable(home), Home(home).owned():
        LogFile(home / "logs" / "api.log").open("the API starts")
    assert said in str(error.value)
    assert "Set TOKENBUDGET_HOME to a directory" in str(error.value)


def test_errors_of_other_files_are_not_taken_for_the_homes(tmp_path):
    with pytest.raises(FileNotFoundError), usable(tmp_path / "home"):
        (tmp_path / "elsewhere" / "file").read_text()


def test_a_log_is_kept_over_restarts_and_tells_what_came_since(tmp_path):
    log = LogFile(tmp_path / "logs" / "api.log")
    for said in (b"old\n", b"new\n"):
        with log.open("the API starts") as file:
            file.write(said)
    assert log.tail() == ["new"]
    assert log.path.read_text().count("=== the API starts, 20") == 2
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_grows_is_put_aside_while_it_is_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "LARGEST_BYTES", 100)
    log = LogFile(tmp_path / "api.log")
    with log.open("the API starts") as file:
        for number in range(9):
            file.write(f"{number}".encode() * 100)
            log.rotate()
        file.write(b"end")
    assert log.path.read_bytes() == b"end"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.log", "api.log.1", "api.log.2", "api.log.3"]
    assert [path.read_bytes()[:1] for path in sorted(tmp_path.glob("*.[123]"))] == [b"8", b"7", b"6"]


def test_children_get_what_they_need_of_the_environment_and_no_more():
    needed = {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "x", "TZ": "UTC"}
    for_api = {
        "TOKENBUDGET_ADMIN_KEY": "a",
        "TOKENBUDGET_LEDGER": "s3://b",
        "AWS_SECRET_ACCESS_KEY": "b",
        "PGPASSFILE": "c",
    }
    for_none = {"OPENAI_API_KEY": "d", "GITHUB_TOKEN": "e", "TOKENBUDGET_API_KEY": "f", "BOKEH_ALLOW_WS_ORIGIN": "*"}
    for_panel = {"TOKENBUDGET_TZ": "Europe/Berlin", "TOKENBUDGET_PANEL_ORIGINS": "costs.example.org"}
    everything = {**needed, **for_api, **for_none, **for_panel}
    assert allowed(API, everything) == {**needed, **for_api}
    assert allowed(PANEL, everything) == {**needed, **for_panel}


def test_a_home_has_one_owner(tmp_path):
    (tmp_path / "home").mkdir()
    home, other = Home(tmp_path / "home"), Home(tmp_path / "home")
    running = Running(pid=1, api=URL, panel=None, key=KEY)
    with home.owned():
        with pytest.raises(AlreadyRunningError), other.owned():
            pass
        home.announce(running)
        assert other.wait_for_other() == running
        assert {file.stat().st_mode & 0o777 for file in (tmp_path / "home").iterdir()} == {0o600}
    assert other.wait_for_other() is None
    with other.owned():
        pass


def test_the_state_of_a_killed_owner_is_not_believed(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from tokenbudget_server.launch.running import Home, Running\n"
        "home = Home(Path(sys.argv[1])); owned = home.owned(); owned.__enter__()\n"
        "home.announce(Running(os.getpid(), 'http://old', None, 'k')); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    home = Home(tmp_path)
    with home.owned():
        assert not (tmp_path / "up.json").exists()
        assert home.was_killed
    with home.owned():
        assert not home.was_killed
