import click
import pytest
from click.testing import CliRunner

from tokenbudget_panel import serving
from tokenbudget_panel.serving import APP, is_loopback, main, websocket_origins


@pytest.mark.parametrize(
    ("host", "more", "origins"),
    [
        ("127.0.0.1", (), ["127.0.0.1:9000", "localhost:9000"]),
        ("192.168.1.5", (), ["127.0.0.1:9000", "192.168.1.5:9000", "localhost:9000"]),
        ("::1", (), ["127.0.0.1:9000", "[::1]:9000", "localhost:9000"]),
        ("127.0.0.1", ("costs.example.org",), ["127.0.0.1:9000", "costs.example.org", "localhost:9000"]),
    ],
)
def test_the_websocket_is_open_to_the_pages_served(host, more, origins):
    assert websocket_origins(host, 9000, more) == origins


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_on_every_address_the_websocket_is_open_to_this_machines_names(host, monkeypatch):
    monkeypatch.setattr(serving.socket, "gethostname", lambda: "Costs.example.org")
    monkeypatch.setattr(serving.socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", ("192.168.7.7", 0))])
    found = websocket_origins(host, 9000, ("proxy.example.org",))
    assert {"127.0.0.1:9000", "localhost:9000", "costs.example.org:9000", "192.168.7.7:9000"} < {*found}
    assert "proxy.example.org" in found
    assert not any("*" in origin for origin in found)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(host, alone):
    assert is_loopback(host) == alone


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--origin", "*"], {}, "name each host"),
        (["--origin", "*.example.org"], {}, "name each host"),
        ([], {"TOKENBUDGET_PANEL_ORIGINS": "a.example.org *"}, "name each host"),
        ([], {"BOKEH_ALLOW_WS_ORIGIN": "*"}, "would replace the list"),
    ],
)
def test_nobody_may_open_the_websocket_to_everybody(arguments, environment, said):
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code == click.UsageError.exit_code
    assert said in done.output


def test_origins_come_from_the_environment_too(monkeypatch):
    served = []
    monkeypatch.setattr(serving, "serve", lambda *given: served.append(given))
    CliRunner().invoke(main, ["--port", "9000"], env={"TOKENBUDGET_PANEL_ORIGINS": "A.example.org b.example.org:81"})
    assert served == [("127.0.0.1", 9000, ("a.example.org", "b.example.org:81"))]


def test_the_script_is_there():
    assert APP.exists()
