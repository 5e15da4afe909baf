"""The bundled Postgres, seen from outside."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tokenbudget_server.embedded import databases
from tokenbudget_server.embedded.binaries import find_binaries
from tokenbudget_server.embedded.cluster import DATABASE, check_version, cluster_major, create_cluster
from tokenbudget_server.embedded.command import LAPTOP_SETTINGS, SUPERUSER, server_command
from tokenbudget_server.embedded.data_dir import Layout, explaining_os_errors
from tokenbudget_server.embedded.lock import OwnerLock
from tokenbudget_server.embedded.os_user import choose_identity
from tokenbudget_server.embedded.pidfile import Postmaster, running_postmaster
from tokenbudget_server.embedded.supervisor import POLL_SECONDS, Keeper, stop_orphan
from tokenbudget_server.web.errors import EmbeddedPostgresError, PostgresStartError

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """A Postgres that lives in one directory and as long as the process that started it.

    The first process to start it owns it. Another one that starts it on the same
    directory shares the running server, and its `stop` leaves that alone. The server stops cleanly
    when its owner stops it or ends in any other way; if it dies itself, the owner starts it again.

    Parameters
    ----------
    data_dir : Path
        Where everything is kept; made if it does not exist.
    settings : Mapping, optional
        Settings of Postgres, over those fit for a laptop. Tests may pass ``{"fsync": "off"}``.
    report : Callable, optional
        Is told, in a line for people, about a step that takes time. Default: the log.
    timeout : float
        Seconds that a start may take; recovery after a crash can need many.

    Examples
    --------
    >>> import tempfile, psycopg
    >>> with tempfile.TemporaryDirectory() as home, EmbeddedPostgres(Path(home) / "postgres").running() as url:
    ...     with psycopg.connect(url) as connection:
    ...         connection.execute("SELECT 1 + 1").fetchone()
    (2,)
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        settings: Mapping[str, str] | None = None,
        report: Callable[[str], None] = _log.info,
        timeout: float = 300.0,
    ) -> None:
        self._layout = Layout.at(data_dir)
        self._settings = {**LAPTOP_SETTINGS, **(settings or {})}
        self._report = report
        self._timeout = timeout
        self._ownership: tuple[Keeper, OwnerLock] | None = None
        self._owner_process = os.getpid()

    @property
    def owned(self) -> bool:
        """Whether this object started the server, so that its `stop` ends it."""
        return self._ownership is not None and self._owner_process == os.getpid()

    @property
    def pid(self) -> int | None:
        """Process id of the server, whichever process owns it; None when none is running."""
        postmaster = running_postmaster(self._layout)
        return postmaster.pid if postmaster else None

    @property
    def log_path(self) -> Path:
        """The file Postgres logs to."""
        return self._layout.log

    def url(self, database: str = DATABASE) -> str:
        """URL of a database, as libpq and psycopg take it.

        SQLAlchemy takes it with ``postgresql+psycopg`` in place of ``postgresql``.
        """
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self._layout.sockets))}"

    def start(self) -> str:
        """Start the server, or join the one that runs already, and return its `url`.

        Raises
        ------
        EmbeddedPostgresError
            It cannot run; each subclass says why and what to do.
        """
        if sys.platform == "win32":
            raise EmbeddedPostgresError(
                "The bundled Postgres runs on Linux and macOS. On Windows use WSL, "
                "or set TOKENBUDGET_DATABASE_URL to use a server of your own."
            )
        if self.owned:
            return self.url()
        self._layout.prepare()
        deadline = time.monotonic() + self._timeout
        while not self._start_as_owner():
            if (running := running_postmaster(self._layout)) and running.status == "ready":
                self._report(f"Postgres is already running (process {running.pid}); sharing it")
                break
            self._give_up_after(deadline, running)
            time.sleep(POLL_SECONDS)
        return self.url()

    def stop(self) -> None:
        """Stop the server cleanly if this object owns it; else, and a second time, do nothing."""
        if self._ownership is None or self._owner_process != os.getpid():  # A forked child owns nothing.
            return
        keeper, lock = self._ownership
        keeper.stop()
        self._layout.remove_sockets()
        lock.release()
        self._ownership = None
        atexit.unregister(self.stop)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Start for the length of a ``with`` block, which is given the `url`."""
        url = self.start()
        try:
            yield url
        finally:
            self.stop()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of `template` if one is given, and return its URL."""
        databases.create_database(self.url(), name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, closing the connections to it."""
        databases.drop_database(self.url(), name)

    def _start_as_owner(self) -> bool:
        """Start the server, unless another process owns it."""
        with explaining_os_errors(self._layout.lock):
            lock = OwnerLock.try_acquire(self._layout.lock)
        if lock is None:
            return False
        try:
            self._ownership = self._launch(), lock
        except BaseException:
            lock.release()
            raise
        self._owner_process = os.getpid()
        atexit.register(self.stop)
        return True

    def _launch(self) -> Keeper:
        layout = self._layout
        binaries = find_binaries(cluster_major(layout))
        check_version(layout, binaries)
        stop_orphan(layout)
        layout.prepare_run()
        identity = choose_identity(layout, binaries.directory)
        with explaining_os_errors(layout.root):
            identity.give(layout.root, layout.sockets)
        if cluster_major(layout) is None:
            self._report(f"Creating a PostgreSQL {binaries.major} database in {layout.root} (first start only)")
            create_cluster(layout, binaries, identity, sync=self._settings.get("fsync") != "off")
        keeper = Keeper(server_command(binaries, identity, layout, self._settings), layout)
        try:
            keeper.start(self._timeout)
        except BaseException:
            keeper.stop()
            raise
        return keeper

    def _give_up_after(self, deadline: float, running: Postmaster | None) -> None:
        if time.monotonic() > deadline:
            doing = f"is {running.status or 'starting'} (process {running.pid})" if running else "has not begun"
            raise PostgresStartError(
                f"Another process is starting the Postgres in {self._layout.root}, but it {doing}. "
                f"Wait for it, or end that process; the log is {self._layout.log}."
            )
