import socket
import subprocess
import sys
import tomllib

import pytest

from tokenbudget_server.launch.configfile import read_key, write_config
from tokenbudget_server.launch.ports import free_port
from tokenbudget_server.launch.running import Home, Running
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


def test_a_free_port_is_given_and_a_busy_or_taken_one_stepped_over():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        found = free_port("127.0.0.1", port)
        assert found > port
        assert free_port("127.0.0.1", port, taken=(found,)) > found
    assert free_port("127.0.0.1", port) == port


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        free_port("192.0.2.1", 8321)


def test_a_home_has_one_owner(tmp_path):
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
