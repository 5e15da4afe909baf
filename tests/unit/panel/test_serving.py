import pytest

from tokenbudget_panel.serving import APP, arguments, websocket_origins


@pytest.mark.parametrize(
    ("host", "more", "origins"),
    [
        ("127.0.0.1", (), ["127.0.0.1:9000", "localhost:9000"]),
        ("192.168.1.5", (), ["127.0.0.1:9000", "192.168.1.5:9000", "localhost:9000"]),
        ("::1", (), ["127.0.0.1:9000", "[::1]:9000", "localhost:9000"]),
        ("0.0.0.0", (), ["*"]),
        ("0.0.0.0", ("costs.example.org",), ["costs.example.org"]),
        ("127.0.0.1", ("costs.example.org",), ["127.0.0.1:9000", "costs.example.org", "localhost:9000"]),
    ],
)
def test_the_websocket_is_open_to_the_pages_served(host, more, origins):
    assert websocket_origins(host, 9000, more) == origins


def test_the_script_is_served_where_asked():
    given = arguments("127.0.0.1", 9000)
    assert given[:4] == ["serve", str(APP), "--address=127.0.0.1", "--port=9000"]
    assert "--allow-websocket-origin=127.0.0.1:9000" in given
    assert APP.exists()
