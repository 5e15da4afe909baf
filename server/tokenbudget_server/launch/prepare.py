"""What ``tokenbudget serve`` does before it serves."""

from __future__ import annotations

import click

from tokenbudget.config import CONFIG_FILE
from tokenbudget_server.accounts.bootstrap import ensure_first_key
from tokenbudget_server.db import migrate
from tokenbudget_server.launch import console
from tokenbudget_server.launch.configfile import read_key, write_config
from tokenbudget_server.launch.running import usable
from tokenbudget_server.settings import Settings


def prepare(settings: Settings, workers: int) -> None:
    """Migrate the database and make the first key where there is none.

    The key is kept in ``config.toml``, as the database keeps only its hash.

    Raises
    ------
    SettingsError
        If there is no database to use, the home cannot be used, or closed days cannot be kept where they should.
    """
    url = settings.database
    if workers > 1 and settings.redis_url is None:
        console.warn(
            "Several processes without TOKENBUDGET_REDIS_URL: "
            "a revoked key may be accepted by some of them for up to 5 minutes."
        )
    check_ledger(settings)
    home = settings.home.absolute()
    known = read_key(home)
    with usable(home, is_written=known is None):  # With a key in it, it may be read-only.
        migrate(url)
        key = ensure_first_key(url, known)
        if key != known:
            write_config(home, f"http://127.0.0.1:{settings.port}", key)
            # Not the key itself: what is printed here ends in the log of a container.
            click.echo(f"  Made an API key, an administrator's; it is in {home / CONFIG_FILE}")


def check_ledger(settings: Settings) -> None:
    """Make sure that closed days can be kept where the settings say; whether an object store answers shows later.

    Raises
    ------
    SettingsError
        If the library for an object store is not installed, or its URL or environment cannot be used.
    """
    if isinstance(settings.ledger, str):
        from tokenbudget_server.ledger.storage import ObjectStore  # Heavy, and seldom needed.

        ObjectStore(settings.ledger)
