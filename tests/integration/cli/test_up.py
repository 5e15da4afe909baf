"""``tokenbudget up`` as a user runs it: real processes, on ports of this machine."""

import json
import re
import signal
import socket
import subprocess
import tomllib
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest

from tests.plugins.up import PATIENCE, answers, children, command, environment, is_alive, wait_until
from tokenbudget.core.ids import uuid7

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("tokenbudget-up")]


def config(tmp_path):
    return tomllib.loads((tmp_path / "home" / "config.toml").read_text())


def ask(settings, path, body=None):
    request = urllib.request.Request(
        settings["url"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {settings['api_key']}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def event():
    return {
        "id": uuid7(),
        "occurred_at": datetime.now(UTC).isoformat(),
        "provider": "openai",
        "model": "gpt-4o-mini",
        "usage": {"input_tokens": 1000, "output_tokens": 200},
    }


CODE = re.compile(r"http://\S+/#code=(\S+)")


def sign_in(settings, code):
    request = urllib.request.Request(f"{settings['url']}/api/sessions", json.dumps({"code": code}).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_from_nothing_to_stored_events_and_back_again(up, tmp_path, port):
    first = up("--port", str(port))
    output = first.read_until("Ctrl-C")
    settings = config(tmp_path)
    # Ready lines are printed when it is ready: no waiting here.
    assert ask(settings, "/v1/events/batch", {"events": [event()]})["accepted"] == 1
    assert settings["url"] == f"http://127.0.0.1:{port}"
    (code,) = CODE.findall(output)
    assert sign_in(settings, code)["id"].startswith("ses_")
    assert "import tokenbudget as tb" in output
    assert (tmp_path / "home" / "config.toml").stat().st_mode & 0o777 == 0o600
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask({**settings, "api_key": "tb_ak_" + "0" * 32}, "/api/keys")

    second = up()
    assert second.join() == 0
    assert "already running" in second.output
    (other,) = CODE.findall(second.output)
    assert other != code  # Each works once.
    assert sign_in(settings, other)["id"].startswith("ses_")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        sign_in(settings, code)

    started = children(first.process.pid)
    assert first.stop() == 0
    assert not any(map(is_alive, started))
    assert "Traceback" not in first.output

    again = up("--port", str(port))
    again.read_until("Ctrl-C")
    assert config(tmp_path) == settings
    assert ask(settings, "/api/analytics/summary")["summary"]["requests"] == 1
    assert again.stop(signal.SIGTERM) == 0


def test_a_busy_port_is_refused_and_said(up, tmp_path, port):
    with socket.create_server(("127.0.0.1", port)):
        running = up("--port", str(port))
        assert running.join() == 1
    assert f"port {port} is in use by " in running.output
    assert "--port " in running.output
    assert not (tmp_path / "home" / "config.toml").exists()


def test_any_port_can_be_asked_for(up, tmp_path):
    output = up("--port", "0").read_until("Ctrl-C")
    assert config(tmp_path)["url"] in output


def test_a_killed_up_takes_its_children_along_and_loses_nothing(up, tmp_path, port):
    running = up("--port", str(port))
    running.read_until("Ctrl-C")
    settings = config(tmp_path)
    assert ask(settings, "/v1/events", event())["accepted"] == 1
    started = children(running.process.pid)
    assert len(started) >= 2
    running.stop(signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, started)))
    again = up("--port", str(port))
    again.read_until("Ctrl-C")
    assert ask(settings, "/api/analytics/summary")["summary"]["requests"] == 1


def test_a_lost_config_file_gets_a_new_key(up, tmp_path, port, postgres_url, monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_DATABASE_URL", postgres_url)
    first = up("--port", str(port))
    first.read_until("Ctrl-C")
    old = config(tmp_path)
    first.stop()
    assert not (tmp_path / "home" / "postgres").exists()
    (tmp_path / "home" / "config.toml").unlink()
    up("--port", str(port)).read_until("Ctrl-C")
    new = config(tmp_path)
    assert new["api_key"] != old["api_key"]
    assert ask(new, "/api/projects")[0]["name"] == "default"


def test_another_servers_config_is_left_alone(up, tmp_path):
    (tmp_path / "home").mkdir()
    file = tmp_path / "home" / "config.toml"
    file.write_text('url = "https://tokens.example.org"\napi_key = "tb_ak_x"\n')
    running = up()
    assert running.join() == 1
    assert "sends events to https://tokens.example.org" in running.output
    assert "tb_ak_x" in file.read_text()


def test_a_database_that_does_not_answer_is_said_in_a_sentence(up, monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    running = up("--port", "0")
    assert running.join() == 1
    assert "does not answer" in running.output
    assert "Traceback" not in running.output


def test_serve_needs_a_database_and_serves_with_several_workers(tmp_path, port, postgres_url):
    without = subprocess.run(
        command("serve"), capture_output=True, text=True, check=False, env=environment(tmp_path / "none")
    )
    assert without.returncode == 1
    assert "TOKENBUDGET_DATABASE_URL is not set" in without.stderr
    home = tmp_path / "home"
    arguments = command("serve", "--port", str(port), "--workers", "2")
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        serving = subprocess.Popen(
            arguments, stdout=output, stderr=output, env=environment(home, TOKENBUDGET_DATABASE_URL=postgres_url)
        )
    try:
        wait_until(lambda: answers(port))
        settings = config(tmp_path)
        assert ask(settings, "/v1/events/batch", {"events": [event() for _ in range(5)]})["accepted"] == 5
        assert ask(settings, "/api/analytics/summary")["summary"]["requests"] == 5
    finally:
        serving.terminate()
        assert serving.wait(PATIENCE) == 0
    assert str(home / "config.toml") in log.read_text()
    assert settings["api_key"] not in log.read_text()
