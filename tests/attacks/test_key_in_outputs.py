"""The library never shows its key: not in errors, not in reports, not where the other end says it back."""

import threading
import traceback
from contextlib import redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest

import tokenbudget as tb
from tests.plugins.ports import free_port
from tokenbudget.client.accounts import AccountsClient
from tokenbudget.client.client import Client
from tokenbudget.client.http import get_arrow
from tokenbudget.config import Config
from tokenbudget.core.errors import ConfigError
from tokenbudget.transport.connection import connect
from tokenbudget.transport.delivery import send
from tokenbudget.transport.probe import probe

KEY = "tb_ak_0123456789abcdef0123456789abcdef"
SECRET = KEY.removeprefix("tb_ak_")[8:]


class Echo(BaseHTTPRequestHandler):
    """Says back what it was sent, as debugging proxies do."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = f'{{"detail": "no: {self.headers.get("Authorization")}"}}'.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = answer  # noqa: N815 - named by the library

    def log_message(self, *_):
        pass


@pytest.fixture(params=[202, 400, 401, 404, 500])
def echo(request):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.status = request.param
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def failure(call):
    """Return all that is shown of an error."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return "".join(traceback.format_exception(error)) + repr(error)
    return ""


def test_a_server_that_says_the_key_back_is_not_repeated(echo, tmp_path):
    accounts, client = AccountsClient(echo, KEY), Client(echo, KEY)
    settings = Config(home=tmp_path, url=echo, api_key=KEY)
    with connect(echo, KEY, 5.0) as connection:
        outcome = send(connection, [])
    said = [repr(accounts), repr(client), repr(settings), repr(outcome), repr(probe(settings))]
    said += [failure(lambda: get_arrow(echo, KEY, "/", [])), failure(lambda: list(accounts.rows("/api/keys")))]
    assert SECRET not in "\n".join(said)


def test_nobody_answers(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    said = failure(lambda: get_arrow(url, KEY, "/", []))
    assert "no answer" in said
    assert SECRET not in said + repr(probe(Config(home=tmp_path, url=url, api_key=KEY)))


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY}\0", f"{KEY}ä", f"{KEY} {KEY}"], ids=ascii)
def test_a_key_that_no_header_carries_is_refused_and_not_repeated(tmp_path, key):
    with pytest.raises(ConfigError, match="api_key") as refused:
        Config(home=tmp_path, api_key=key)
    assert SECRET not in str(refused.value)
    said = failure(lambda: get_arrow(f"http://127.0.0.1:{free_port()}", key, "/", []))
    assert SECRET not in said


def test_reports_do_not_show_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENBUDGET_HOME", str(tmp_path))
    monkeypatch.setenv("TOKENBUDGET_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("TOKENBUDGET_API_KEY", KEY)
    from tokenbudget.cli.journal import doctor

    shown = StringIO()
    with redirect_stdout(shown):
        report = tb.status()
        shown.write(f"{report} {report!r} {getattr(report, '_repr_html_', str)()}")
        with suppress(SystemExit):
            doctor()
    assert "TokenBudget" in shown.getvalue() or "server" in shown.getvalue()
    assert SECRET not in shown.getvalue()
