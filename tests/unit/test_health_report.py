from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tokenbudget import config, health_report
from tokenbudget.cli import main
from tokenbudget.config import Config
from tokenbudget.journal import Journal, delivery_stats, quarantine
from tokenbudget.journal.segments import segment_errors
from tokenbudget.transport import Probe

WELL = Probe("http://server", reachable=True, accepted=True, latency_ms=3.0, clock_skew_s=0.2)


@pytest.fixture
def settings(tmp_path):
    return Config(home=tmp_path)


@pytest.fixture
def server(monkeypatch):
    """Put an answer in the server's place."""
    return lambda answer: monkeypatch.setattr(health_report, "probe", lambda settings, timeout: answer)


def test_all_is_well(settings, server):
    server(WELL)
    text = str(health_report.status(settings))
    assert "✓ all is well" in text
    assert "http://server takes our events (3.0 ms)" in text
    assert "last never" in text


def test_local_mode_is_no_problem(settings):
    Journal(settings.home, sends=lambda: False).append(b'{"unpriced":"unknown_model"}')
    report = health_report.status(settings)
    assert report.problems == []
    assert "1 kept" in str(report)
    assert report.journal.unpriced == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Probe("http://server", detail="does not answer (ConnectError)"), "does not answer"),
        (Probe("http://server", reachable=True, detail="HTTP 401; check the API key"), "check the API key"),
        (replace(WELL, clock_skew_s=-7200.0), "clock is +7,200 s off"),
    ],
)
def test_what_is_wrong_with_the_server(settings, server, answer, words):
    server(answer)
    report = health_report.status(settings)
    assert len(report.problems) == 1
    assert words in report.problems[0]
    assert f"! {report.problems[0]}" in str(report)


def test_what_is_wrong_here(settings, server):
    server(WELL)
    quarantine.set_aside(
        settings.home,
        [quarantine.QuarantinedRecord("rejected", "is in the future", "{}"), *quarantine.damaged([b"torn"])],
    )
    (settings.home / "journal").mkdir()
    delivery_stats.add(
        settings.home, refused=2, last_error="HTTP 503", last_error_at=datetime.now(UTC) - timedelta(hours=3)
    )
    report = health_report.status(replace(settings, enabled=False))
    text = str(report)
    assert "push --retry" in text
    assert "is in the future" in text
    assert "2 events not recorded" in text
    assert "1 line could not be read" in text
    assert "switched off" in text
    assert "HTTP 503, 3 h ago" in text


def test_what_does_not_get_through(settings, server):
    server(WELL)
    journal = Journal(settings.home, sends=lambda: True)
    for _ in range(2):
        journal.append(b'{"id":"a"}')
    segment_errors.mark(journal.live_segment(), "HTTP 500: a mistake")
    (problem,) = health_report.status(settings).problems
    assert "2 events not getting through (HTTP 500: a mistake)" in problem


@pytest.mark.parametrize(("url", "waiting"), [(WELL, "1 to send, 0 kept"), (Probe(None), "1 kept")])
def test_what_is_in_memory_only(settings, server, url, waiting):
    server(url)
    (settings.home / "home").write_text("in the way")
    settings = replace(settings, home=settings.home / "home")
    journal = Journal(settings.home, sends=lambda: url is WELL)
    journal.append(b"{}")
    report = health_report.status(settings)
    assert f"{waiting}, 0 sealed (1 in memory only" in str(report)
    (problem,) = report.problems
    assert "set TOKENBUDGET_HOME" in problem


@pytest.fixture
def command(settings):
    config.configure(home=settings.home, url="")
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    config.reset()


def test_the_command_says_so_and_ends_accordingly(command, server):
    server(WELL)
    assert command("doctor").exit_code == 0
    server(Probe("http://server", detail="does not answer"))
    ended = command("doctor")
    assert ended.exit_code == 1
    assert "does not answer" in ended.output


def test_push_without_a_server_says_what_to_do(command):
    ended = command("push")
    assert ended.exit_code == 1
    assert "TOKENBUDGET_URL" in ended.output
