"""Serve the dashboard with Panel's own server."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import click

APP = Path(__file__).with_name("app.py")
READY = "/liveness"
"""Responds with success once the dashboard can be opened."""

_ANY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 (compared with, not listened on)


def arguments(host: str, port: int, origins: tuple[str, ...] = ()) -> list[str]:
    """Return the arguments of ``panel`` that serve the dashboard.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
    origins : tuple of str
        Further ``host[:port]`` under which browsers open the page: of a proxy, for instance.

    Examples
    --------
    >>> arguments("127.0.0.1", 8322)[2:4]
    ['--address=127.0.0.1', '--port=8322']
    """
    return [
        "serve",
        str(APP),
        f"--address={host}",
        f"--port={port}",
        *(f"--allow-websocket-origin={origin}" for origin in websocket_origins(host, port, origins)),
        "--warm",  # The first visitor does not wait for the imports.
        "--liveness",
        "--log-level=warning",
    ]


def websocket_origins(host: str, port: int, more: tuple[str, ...] = ()) -> list[str]:
    """Return the origins that may open the websocket; any origin if the page is served to other machines.

    Examples
    --------
    >>> websocket_origins("127.0.0.1", 8322)
    ['127.0.0.1:8322', 'localhost:8322']
    >>> websocket_origins("0.0.0.0", 8322), websocket_origins("0.0.0.0", 8322, ("costs.example.org",))
    (['*'], ['costs.example.org'])
    """
    if host in _ANY_ADDRESS:
        return sorted(more) or ["*"]
    return sorted({*more, *(f"{name}:{port}" for name in (_bracketed(host), "127.0.0.1", "localhost"))})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8322, show_default=True, help="Port to listen on.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="HOST[:PORT]",
    help="Allow pages opened here too, e.g. behind a proxy.",
)
def main(*, host: str, port: int, origins: tuple[str, ...]) -> None:
    """Serve the Panel dashboard until Ctrl-C."""
    sys.argv = ["panel", *arguments(host, port, origins)]
    click.echo(f"TokenBudget's Panel dashboard: http://{_bracketed(host)}:{port}")
    runpy.run_module("panel", run_name="__main__", alter_sys=True)
