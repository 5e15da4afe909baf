"""Serve the dashboard with Panel's own server: to this machine, or to those who sign in."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from tokenbudget import config
from tokenbudget.diagnostics import logs
from tokenbudget_panel.answers import Desk, desk

APP = Path(__file__).with_name("app.py")
READY = "/liveness"
"""Responds with success once the dashboard can be opened."""

_ANY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 (compared with, not listened on)
_LARGEST_BODY = 64 * 1024  # Of a request; browsers talk to a dashboard by web socket.
_LARGEST_MESSAGE = 2 * 1024 * 1024
_REPLACED = "BOKEH_ALLOW_WS_ORIGIN"
_asks_for_key = False


def serve(host: str, port: int, origins: tuple[str, ...] = ()) -> None:
    """Serve the dashboard until this process is asked to stop.

    Where others than this machine reach it, it shows nothing to those who have not signed in with an API key.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
    origins : tuple of str
        Further ``host[:port]`` under which browsers open the page: of a proxy, for instance.
    """
    global _asks_for_key  # noqa: PLW0603 (one process serves in one way)
    import panel as pn

    logs.set_up({"bokeh": "WARNING", "tornado": "WARNING", "panel": "WARNING"})
    _asks_for_key = not is_loopback(host)
    allowed = websocket_origins(host, port, origins)
    server = pn.serve(
        {"app": str(APP)},
        address=host,
        port=port,
        websocket_origin=[origin for origin in allowed if not origin.startswith("[")],
        show=False,
        start=False,
        verbose=False,
        warm=True,  # The first visitor does not wait for the imports.
        liveness=True,
        **_guard(asks_for_key=_asks_for_key),
    )
    server._tornado.websocket_origins.update(allowed)  # noqa: SLF001 (its own way there knows no IPv6)
    signal.signal(signal.SIGTERM, lambda *_: server.io_loop.add_callback_from_signal(server.io_loop.stop))
    server.start()
    server.io_loop.start()


def _guard(*, asks_for_key: bool) -> dict[str, Any]:
    """Return what the server checks and limits."""
    options: dict[str, Any] = {
        "http_server_kwargs": {"max_body_size": _LARGEST_BODY},
        "websocket_max_message_size": _LARGEST_MESSAGE,
        # A page holds a token with what its request came with: a script could read a cookie there.
        "include_cookies": [],
        "include_headers": [],
        "secret_key": secrets.token_bytes(32),
        "sign_sessions": True,
    }
    if asks_for_key:
        from tokenbudget_panel.sign_in import KeySignIn

        options["auth_provider"] = KeySignIn()
    return options


def desk_of_visitor() -> Desk:
    """Return what answers the visitor whose page is being made: all that this machine knows, or what their key sees."""
    if not _asks_for_key:
        return desk
    import panel as pn

    from tokenbudget_panel.sign_in import visitor_of
    from tokenbudget_panel.visitors import nobody

    document = pn.state.curdoc
    context = document.session_context if document else None
    visitor = visitor_of(getattr(context, "request", None)) if context else None
    return visitor.desk if visitor else nobody()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def websocket_origins(host: str, port: int, more: tuple[str, ...] = ()) -> list[str]:
    """Say whose pages may open the web socket: those that are served here, under the names of this machine.

    Examples
    --------
    >>> websocket_origins("127.0.0.1", 8322)
    ['127.0.0.1:8322', 'localhost:8322']
    >>> {"127.0.0.1:8322", "costs.example.org"} <= {*websocket_origins("0.0.0.0", 8322, ("costs.example.org",))}
    True
    """
    names = {"127.0.0.1", "localhost", *(_own_names() if host in _ANY_ADDRESS else {host})}
    return sorted({*more, *(f"{_bracketed(name)}:{port}" for name in names)})


def _own_names() -> set[str]:
    """Return the names and addresses under which others may know this machine, as far as it knows them itself."""
    name = socket.gethostname().lower()
    found = {name, f"{name.partition('.')[0]}.local"}
    with suppress(OSError):
        found |= {str(address[4][0]) for address in socket.getaddrinfo(name, None)}
    # The addresses that packets to elsewhere would come from; nothing is sent.
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.add(probe.getsockname()[0])
    return {each.partition("%")[0] for each in found}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_origins(_: click.Context, __: click.Parameter, origins: tuple[str, ...]) -> tuple[str, ...]:
    if any("*" in origin or "/" in origin for origin in origins):
        raise click.BadParameter("name each host[:port] in full: a * would show every figure to any page of the web")
    if _REPLACED in os.environ:
        raise click.UsageError(f"{_REPLACED} would replace the list of origins: unset it, and use --origin")
    return tuple(origin.lower() for origin in origins)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8322, show_default=True, help="Port to listen on.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="HOST[:PORT]",
    envvar="TOKENBUDGET_PANEL_ORIGINS",
    callback=_check_origins,
    help="Allow pages opened here too, e.g. behind a proxy.  [env: TOKENBUDGET_PANEL_ORIGINS, separated by spaces]",
)
def main(*, host: str, port: int, origins: tuple[str, ...]) -> None:
    """Serve the Panel dashboard until Ctrl-C.

    On an address that others reach it asks for an API key of the server in TOKENBUDGET_URL.
    """
    click.echo(f"TokenBudget's Panel dashboard: http://{_bracketed(host)}:{port}")
    if not is_loopback(host):
        click.echo("It asks for an API key, and shows what that key may see. Nothing is encrypted on the way.")
        if config.current().url is None:
            click.echo("Nobody can sign in, as there is no server that knows API keys: set TOKENBUDGET_URL.")
    serve(host, port, origins)
