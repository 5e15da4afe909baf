"""``tokenbudget up``: everything, on one machine, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from types import FrameType

import click

from tokenbudget import __version__
from tokenbudget.core.formatting import plural
from tokenbudget_server.launch import console, panel
from tokenbudget_server.launch.child import Child
from tokenbudget_server.launch.configfile import is_loopback, read_key, write_config
from tokenbudget_server.launch.environment import PANEL
from tokenbudget_server.launch.log_file import LogFile
from tokenbudget_server.launch.ports import claim
from tokenbudget_server.launch.prepare import check_ledger
from tokenbudget_server.launch.running import Home, Running, usable
from tokenbudget_server.launch.sign_in import sign_in_address
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.errors import AlreadyRunningError, ChildError, TokenBudgetServerError

_PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.25
_ENDING_SECONDS = 15.0
"""How long the children of an `up` that was killed may still hold its ports."""
_API_LOG, _PANEL_LOG, _POSTGRES_LOG = "logs/api.log", "logs/panel.log", "postgres/postgres.log"
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on
_STOPPING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for.

    Attributes
    ----------
    settings : Settings
    panel : bool
        Whether to start the Panel dashboard.
    workers : int
        Processes that serve the API.
    """

    settings: Settings
    panel: bool
    workers: int


def up(options: Options) -> None:
    """Start everything, say where it listens, and stop it when this process is asked to.

    Raises
    ------
    TokenBudgetServerError
        Something does not start; what had been started is stopped.
    """
    home = Home(options.settings.home.expanduser().absolute())
    with _stopping_on_signals(), usable(home.path):
        try:
            with home.owned():
                _run(home, options)
        except AlreadyRunningError:
            _join(home)


def _join(home: Home) -> None:
    console.note(f"TokenBudget is already running in {home.path}.")
    if (running := home.wait_for_other()) is None:
        raise TokenBudgetServerError(
            f"the process that holds {home.path / 'up.lock'} did not start: end it, and start again"
        )
    _show(running)


def _run(home: Home, options: Options) -> None:
    console.title(f"TokenBudget {__version__}")
    with ExitStack() as stack:
        known = read_key(home.path)  # Before anything is started, as these may refuse.
        check_ledger(options.settings)
        options = _with_ports(options, _ENDING_SECONDS if home.was_killed else 0.0)
        _say_who_reaches_it(options)
        url = _database(home, options.settings, stack)
        api = _start_api(home, options, url, stack)  # It loads while the tables are prepared.
        key = _prepare(url, known, demo=options.settings.demo)
        dashboard = _start_panel(home, options, api, key, stack)
        with console.step("API", "starting …") as step:
            api.wait(step)
        dashboard_url = _wait_for_panel(dashboard) if dashboard else None
        write_config(home.path, api.url, key)
        running = Running(os.getpid(), api.url, dashboard_url, key)
        home.announce(running)
        _show(running)
        click.echo(click.style("  Ctrl-C stops everything.\n", dim=True))
        _watch(home, api.child, dashboard.child if dashboard_url and dashboard else None)
        click.echo("\n  Stopping …")


def _database(home: Home, settings: Settings, stack: ExitStack) -> str:
    with console.step("database", "starting …") as step:
        if settings.database_url is not None:
            step.detail = "the Postgres of TOKENBUDGET_DATABASE_URL"
            return settings.database_url
        from tokenbudget_server.embedded import EmbeddedPostgres

        postgres = EmbeddedPostgres(home.path / "postgres", report=step.progress)
        stack.callback(postgres.stop)
        url = postgres.start()
        step.detail = f"PostgreSQL in {home.path / 'postgres'}"
        return url


def _prepare(url: str, known: str | None, *, demo: bool) -> str:
    from tokenbudget_server.accounts.bootstrap import ensure_first_key
    from tokenbudget_server.db import migrate

    with console.step("tables", "preparing …"):
        migrate(url)
        key = ensure_first_key(url, known)
    if demo:
        from tokenbudget_server.demo import fill

        with console.step("demo", "making up 90 days of usage …") as step:
            step.detail = f"{plural(fill(url, step.progress), 'event')} of made-up usage over 90 days"
    return key


@dataclass(frozen=True)
class _Service:
    """A child and where it is reached."""

    child: Child
    host: str
    port: int
    ready: str

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def wait(self, step: console.Step) -> None:
        self.child.wait_until_serving(self.host, self.port, self.ready, _PATIENCE_SECONDS)
        step.detail = self.url


def _start_api(home: Home, options: Options, database: str, stack: ExitStack) -> _Service:
    settings = options.settings
    environment = {
        "TOKENBUDGET_DATABASE_URL": database,
        "TOKENBUDGET_HOME": str(home.path),
        "TOKENBUDGET_DEMO": str(int(settings.demo)),
    }
    arguments = [settings.host, str(settings.port), str(options.workers)]
    child = Child("the API", "tokenbudget_server.launch.api", arguments, environment, home.path / _API_LOG)
    stack.callback(child.stop)
    return _Service(child, _reachable(settings.host), settings.port, "/health/ready")


def _start_panel(home: Home, options: Options, api: _Service, key: str, stack: ExitStack) -> _Service | None:
    if not options.panel:
        return None
    host, port = options.settings.host, options.settings.panel_port
    environment = {"TOKENBUDGET_HOME": str(home.path)}
    child = Child(
        "the Panel",
        "tokenbudget_server.launch.panel",
        [host, str(port)],
        environment,
        home.path / _PANEL_LOG,
        inherited=PANEL,
        given=panel.connection(api.url, key if is_loopback(host) else None),
    )
    stack.callback(child.stop)
    stack.callback(api.child.ask_to_stop)  # Both stop at the same time.
    return _Service(child, _reachable(host), port, panel.READY)


def _wait_for_panel(dashboard: _Service) -> str | None:
    """Return its URL; the Panel may be missed, so a failure is told and not raised."""
    try:
        with console.step("Panel", "starting …") as step:
            dashboard.wait(step)
    except ChildError as error:
        console.warn(f"{error}\n    Everything else works.")
        return None
    return dashboard.url


def _watch(home: Home, api: Child, dashboard: Child | None) -> None:
    """Wait for Ctrl-C; the API is what all of this is for, the Panel may be missed."""
    logs = [LogFile(home.path / name) for name in (_API_LOG, _PANEL_LOG, _POSTGRES_LOG)]
    never = threading.Event()
    try:
        while api.alive:
            for log in logs:
                with suppress(OSError):  # Nothing ends because a log cannot be put aside.
                    log.rotate()
            if dashboard is not None and not dashboard.alive:
                console.warn(f"The Panel ended{dashboard.tail()}")
                dashboard = None
            never.wait(_POLL_SECONDS)
    except KeyboardInterrupt:
        return
    raise ChildError(f"the API ended{api.tail()}")


def _with_ports(options: Options, patience_seconds: float) -> Options:
    """Claim the ports, before anything is started; without a Panel that is not installed."""
    has_panel = options.panel and panel.is_installed()
    if options.panel and not has_panel:
        console.warn("The Panel dashboard is not installed: pip install 'tokenbudget-ledger[panel]'")
    settings = options.settings
    wanted = {"--port": settings.port, **({"--panel-port": settings.panel_port} if has_panel else {})}
    found = claim(settings.host, wanted, patience_seconds)
    settings = replace(settings, port=found["--port"], panel_port=found.get("--panel-port", settings.panel_port))
    return replace(options, settings=settings, panel=has_panel)


def _say_who_reaches_it(options: Options) -> None:
    host = options.settings.host
    if is_loopback(host):
        return
    ports = f"{options.settings.port} and {options.settings.panel_port}" if options.panel else options.settings.port
    console.warn(
        f"Listening on {host}: whoever reaches this machine can open the dashboards (port {ports}). They show figures "
        "to those alone who sign in with an API key, and only what that key may see. Nothing is encrypted on the way: "
        "put a TLS proxy in front, or leave out --host to be reached from this machine alone."
    )


def _reachable(host: str) -> str:
    return _LOCAL.get(host, host)


def _show(running: Running) -> None:
    def line(label: str, value: str) -> None:
        click.echo(f"  {label:<12}{click.style(value, fg='cyan')}")

    click.echo()
    line("Dashboard", sign_in_address(running.api, running.key))
    if running.panel:
        line("Panel", running.panel)
    line("API", f"{running.api}/schema")
    line("Key", running.key)
    click.echo("\n  In a notebook on this machine, which finds the server by itself:\n")
    click.secho("      import tokenbudget as tb", bold=True)
    click.secho("      client = tb.wrap(client)        # your OpenAI() or Anthropic() client, now measured", bold=True)
    click.echo(f'\n  On another machine first:  tb.configure(url="{running.api}", api_key="…the key above…")\n')


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Let a request to end work like Ctrl-C, so that what was started is stopped in order, and stopped only once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in (signal.SIGINT, *_STOPPING):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, *_STOPPING)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
